// What must hold whatever a scene does: nothing is complained of, nothing is loaded from elsewhere, pages are guarded.
import assert from 'node:assert/strict';

const DIRECTIVES = new Set(['default-src', 'style-src', 'script-src', 'connect-src', 'img-src', 'base-uri', 'frame-ancestors', 'form-action']);

// A policy by which a page runs and loads nothing but what it holds itself (Content Security Policy Level 3).
export function checkPolicy(text) {
  assert.ok(text, 'a page without a Content-Security-Policy');
  const policy = new Map(text.split(';').map((one) => one.trim().split(/\s+/)).map(([name, ...values]) => [name, values]));
  assert.equal(policy.size, text.split(';').length, `a directive twice: ${text}`);
  assert.deepEqual(policy.get('default-src'), ["'none'"], text);
  assert.deepEqual(policy.get('base-uri'), ["'none'"], text);
  assert.deepEqual(policy.get('frame-ancestors'), ["'none'"], text);
  assert.ok(policy.has('form-action'), text); // default-src does not stand in for it
  assert.ok(!/unsafe|\*|https?:/.test(text), text);
  for (const [name, values] of policy) {
    assert.ok(DIRECTIVES.has(name), `${name}: ${text}`);
    if (name === 'style-src' || name === 'script-src') {
      for (const value of values) assert.match(value, /^'sha256-[A-Za-z0-9+/]{43}='$/, text);
    }
  }
}

export class Watch {
  constructor(url) {
    this.url = url;
    this.requests = [];
    this.complaints = [];
    this.checks = [];
    this.expected = []; // regular expressions: complaints that a scene is about
    this.tolerated = []; // those that may be there
  }

  async begin(context, page) {
    const complain = (what) => this.complaints.push(what);
    await context.exposeBinding('reportViolation', (_, text) => complain(`policy: ${text}`));
    await context.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) => {
      window.reportViolation(`${event.effectiveDirective} ${event.blockedURI}`);
    }));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complain(`console: ${message.text()} ${message.location().url}`);
    });
    page.on('pageerror', (error) => complain(`page: ${error.stack}`));
    page.on('crash', () => complain('the page crashed'));
    context.on('request', (request) => this.requests.push(request));
    context.on('response', (response) => this.checks.push(this.checkResponse(response)));
  }

  async checkResponse(response) {
    const headers = await response.allHeaders();
    if (!(headers['content-type'] ?? '').startsWith('text/html') || !headers['x-request-id']) return; // not a page of ours
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'same-origin');
    assert.equal(headers['cache-control'], 'no-store');
    checkPolicy(headers['content-security-policy']);
  }

  async end() {
    await Promise.all(this.checks);
    const elsewhere = this.requests.map((request) => request.url()).filter((url) => !url.startsWith(`${this.url}/`) && !url.startsWith('data:'));
    assert.deepEqual(elsewhere, [], 'requests to others');
    const unexpected = this.complaints.filter((complaint) => ![...this.expected, ...this.tolerated].some((pattern) => pattern.test(complaint)));
    assert.deepEqual(unexpected, []);
    for (const pattern of this.expected) {
      assert.ok(this.complaints.some((complaint) => pattern.test(complaint)), `nothing like ${pattern}`);
    }
  }
}
