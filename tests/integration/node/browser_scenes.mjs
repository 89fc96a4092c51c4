// What visitors and operators do with the pages. A scene gets a page and {url, shot, watch, ...}, and gives back what its
// test wants to know beside what is checked here.
import assert from 'node:assert/strict';
import { checkPage, checkOutline, checkWidth, focused } from './browser_page.mjs';

const PDF = Buffer.from('%PDF-1.7 not really one \0\x01\r\n.\r\n');
const FILE = { name: 'Übersicht "Q3" 100% – 資料.pdf', mimeType: 'application/pdf', buffer: PDF };
const WRITTEN = { name: 'Zoë Müller', email: 'zoe@example.org', message: 'Guten Tag,\n\n„Preise“ & <mehr>? 🙂\n.\n' };

const contact = (url) => `${url}/contact.html`;
const press = async (page, ...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};
const fill = async (page, written) => {
  for (const [name, value] of Object.entries(written)) await page.locator(`[name="${name}"]`).fill(value);
};
const send = (page) => page.getByRole('button', { name: 'Send' }).click();
const heading = (page, text) => page.getByRole('heading', { level: 1, name: text }).waitFor();
// A document with an error's status is told of by the browser, too.
const expectStatus = (watch, status) => watch.expected.push(new RegExp(`^console: .*status of ${status}\\b`));

// Sends the form with what the browser itself would not let pass.
const sendUnchecked = async (page) => {
  await page.evaluate(() => { document.querySelector('form').noValidate = true; });
  await send(page);
};

// The part of the page that belongs to a field: its control, label and problems.
const fieldOf = (page, name) => page.evaluate((wanted) => {
  const control = document.querySelector(`[name="${wanted}"]`);
  const problems = (control.getAttribute('aria-describedby') ?? '').split(' ').filter(Boolean).map((id) => document.getElementById(id));
  return {
    value: control.value,
    label: control.labels[0].textContent,
    invalid: control.getAttribute('aria-invalid'),
    problems: problems.map((one) => one.textContent),
    gaps: problems.map((one) => control.getBoundingClientRect().top - one.getBoundingClientRect().bottom),
  };
}, name);

async function checkCorrection(page, missing) {
  assert.equal(await page.evaluate(() => document.activeElement.id), 'problems');
  for (const name of missing) {
    const field = await fieldOf(page, name);
    assert.equal(field.invalid, 'true');
    assert.deepEqual(field.problems, ['Please fill this in.']);
    assert.ok(field.gaps[0] >= 0 && field.gaps[0] < 24, `the problem of ${name} is ${field.gaps[0]} px away`);
  }
  const links = page.locator('#problems a');
  assert.equal(await links.count(), missing.length);
  await links.last().click();
  assert.equal(await page.evaluate(() => document.activeElement.name), missing.at(-1));
}

async function sentPage(page) {
  await heading(page, 'Thank you');
  assert.match(await page.locator('main').innerText(), /Your message has been sent\./);
}

export const scenes = {
  // --- the contact form

  async contact(page, { url, shot }) {
    await page.goto(contact(url));
    const nodes = await checkPage(page, 'contact', shot);
    assert.ok(!nodes.some((node) => node.name === 'Leave this empty'), 'the trap is told to people');
    await fill(page, WRITTEN);
    await page.locator('[name=file]').setInputFiles(FILE);
    await shot('contact-filled');
    await send(page);
    await sentPage(page);
    await checkPage(page, 'thank-you', shot);
    await page.getByRole('link', { name: 'Back' }).click();
    await heading(page, 'Contact');
    return { ...WRITTEN, file: FILE.name, content: PDF.toString('base64') };
  },

  async honeypot(page, { url }) {
    await page.goto(contact(url));
    await fill(page, WRITTEN);
    await page.evaluate(() => { document.querySelector('[name=website]').value = 'https://spam.example/'; });
    await send(page);
    await sentPage(page); // as if it were
  },

  async missing(page, { url, shot, watch }) {
    await page.goto(contact(url));
    await fill(page, { message: WRITTEN.message });
    await page.locator('[name=file]').setInputFiles(FILE);
    const before = watch.requests.length;
    await send(page);
    assert.equal(await page.evaluate(() => document.activeElement.matches(':invalid')), true); // the browser's own check
    assert.equal(watch.requests.length, before);
    expectStatus(watch, 422);
    await sendUnchecked(page);
    await heading(page, 'Your message was not sent');
    await checkCorrection(page, ['name', 'email']);
    await checkPage(page, 'correction', shot);
    assert.equal((await fieldOf(page, 'message')).value, WRITTEN.message);
    assert.match(await page.locator('main').innerText(), /chosen again: Übersicht "Q3" 100% – 資料\.pdf/);
    await fill(page, { name: WRITTEN.name, email: WRITTEN.email });
    await page.locator('[name=file]').setInputFiles(FILE);
    await send(page);
    await sentPage(page);
    return { ...WRITTEN, file: FILE.name, content: PDF.toString('base64') };
  },

  async withoutScripts(page, { url, watch }) {
    await page.goto(contact(url));
    await fill(page, { ...WRITTEN, name: ' ' }); // required says nothing against a space
    expectStatus(watch, 422);
    await send(page);
    await heading(page, 'Your message was not sent');
    await checkCorrection(page, ['name']);
    await fill(page, { name: WRITTEN.name });
    await send(page);
    await sentPage(page);
    return WRITTEN;
  },

  async keyboard(page, { url, watch }) {
    await page.goto(contact(url));
    const seen = [];
    for (let i = 0; i < 5; i++) {
      await press(page, 'Tab');
      seen.push(await focused(page));
    }
    assert.deepEqual(seen, ['input name', 'input email', 'textarea message', 'input file', 'button Send']);
    await press(page, 'Shift+Tab', 'Shift+Tab');
    await page.keyboard.type('Hello');
    await press(page, 'Enter'); // a new line
    await page.keyboard.type('there');
    await press(page, 'Shift+Tab');
    await page.keyboard.type('ada@example.org');
    await press(page, 'Shift+Tab');
    await page.keyboard.type(' ');
    expectStatus(watch, 422);
    await press(page, 'Tab', 'Enter'); // sends from within a line
    await heading(page, 'Your message was not sent');
    assert.equal(await focused(page), 'section problems');
    await press(page, 'Tab');
    assert.match(await focused(page), /^a name/);
    await press(page, 'Enter');
    assert.equal(await focused(page), 'input name');
    await press(page, 'ControlOrMeta+a');
    await page.keyboard.type('Ada');
    const on = [];
    for (let i = 0; i < 3; i++) {
      await press(page, 'Tab');
      on.push(await focused(page));
    }
    assert.deepEqual(on, ['input email', 'textarea message', 'button Send']);
    await press(page, 'Enter');
    await sentPage(page);
    await press(page, 'Tab');
    assert.equal(await focused(page), 'a Back');
  },

  async failure(page, { url, shot, watch, path }) {
    await page.goto(contact(url));
    await page.evaluate((action) => { document.querySelector('form').action = action; }, path);
    await fill(page, WRITTEN);
    expectStatus(watch, 502);
    await send(page);
    await heading(page, 'Your message was not sent');
    assert.equal((await fieldOf(page, 'message')).value, WRITTEN.message);
    await checkPage(page, 'failure', shot);
  },

  // What Chromium makes of names and values that no author would choose (WHATWG HTML 4.10.21.8).
  async oddForm(page, { url, path, attributes, fields, files, status, title, watch }) {
    await page.goto(contact(url));
    if (status !== 200) expectStatus(watch, status);
    await page.evaluate(([action, more, texts, chosen]) => {
      const form = document.createElement('form');
      Object.assign(form, { method: 'post', action, ...more });
      for (const [name, value] of texts) {
        const control = form.appendChild(document.createElement('textarea'));
        Object.assign(control, { name, value });
      }
      if (texts.some(([name]) => name === '_charset_')) {
        const charset = form.appendChild(document.createElement('input'));
        form.querySelector('[name=_charset_]').replaceWith(charset);
        Object.assign(charset, { name: '_charset_', type: 'hidden' }); // the browser fills it in
      }
      for (const [name, ...list] of chosen) {
        const data = new DataTransfer();
        for (const [fileName, type, content] of list) data.items.add(new File([content], fileName, { type }));
        const input = form.appendChild(document.createElement('input'));
        Object.assign(input, { name, type: 'file', multiple: true, files: data.files });
      }
      document.querySelector('main').append(form);
      form.submit();
    }, [path, attributes, fields, files]);
    await heading(page, title);
  },

  // Nothing that slips into a page runs, loads or is sent elsewhere: the browser itself holds to the policy.
  async policy(page, { url, watch, path }) {
    watch.expected.push(/^policy: script-src-elem inline/, /^policy: style-src-elem inline/, /^policy: style-src-attr inline/,
      /^policy: img-src http/, /^policy: (connect-src|default-src) http/, /^policy: form-action http/, /^policy: base-uri/, /^console: .*Content Security Policy/);
    await page.goto(`${url}${path}`);
    await page.evaluate(async (elsewhere) => {
      const add = (html) => document.body.insertAdjacentHTML('beforeend', html);
      add('<style>body { display: none }</style><p style="color: red">x</p>');
      add(`<img src="${elsewhere}/pixel.png"><base href="${elsewhere}/"><form id="bait" method="post" action="${elsewhere}/"></form>`);
      const script = document.createElement('script');
      script.textContent = 'window.ran = true';
      document.body.append(script);
      await fetch(`${elsewhere}/`).catch(() => {});
      document.getElementById('bait').submit();
      await new Promise((resolve) => { setTimeout(resolve, 200); });
    }, 'http://127.0.0.1:9');
    assert.equal(await page.evaluate(() => window.ran), undefined);
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).display), 'none');
    assert.ok(page.url().startsWith(url));
    watch.requests = watch.requests.filter((request) => request.failure()?.errorText !== 'csp');
  },

  // --- the status page

  async status(page, { url, shot }) {
    const rows = async (caption) => {
      const cells = await page.getByRole('table', { name: caption }).locator('tbody tr')
        .evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText)));
      return Object.fromEntries(cells.map(([name, ...values]) => [name, values]));
    };
    await page.goto(`${url}/status`);
    await heading(page, /status/);
    const read = async () => ({
      requests: await rows(/^Requests by route/),
      servers: await rows(/^Deliveries, SMTP sessions/),
      steps: await rows(/^Steps/),
      failures: await rows(/^The newest/),
      bars: await page.locator('svg text').evaluateAll((all) => all.map((one) => one.textContent)),
    });
    const first = await read();
    assert.equal(await page.getByRole('img', { name: /^Deliveries/ }).count(), 1);
    await page.evaluate(() => { window.before = true; });
    const box = await page.locator('svg').boundingBox();
    assert.ok(box.width > 300 && box.height > 100, JSON.stringify(box));
    const sent = await page.request.post(`${url}/send`, { form: { to: 'you@example.com', subject: 's', text: 't' } });
    assert.equal(sent.status(), 200);
    await page.waitForFunction(() => window.before === undefined); // it loads itself again
    const second = await read();
    await checkPage(page, 'status', shot);
    return { first, second };
  },

  // --- the compose page

  async compose(page, { url, shot, watch }) {
    await page.goto(`${url}/`);
    await heading(page, 'Write a mail');
    await page.getByText('More fields').click();
    await checkPage(page, 'compose', shot);
    await fill(page, { to: 'not an address', subject: 'Grüße', text: WRITTEN.message, 'in_reply_to': 'none' });
    expectStatus(watch, 400);
    await send(page);
    const answer = page.getByRole('status');
    await answer.getByRole('heading').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.className.split(' ')[0]), 'answer');
    const wrong = await answer.innerText();
    assert.match(wrong, /to: .*not an address/);
    assert.match(wrong, /in_reply_to: /);
    await checkPage(page, 'compose-refused', shot);
    await fill(page, { to: 'Ann <ann@example.com>, bob@example.com', 'in_reply_to': '' });
    await page.getByLabel('Attachments').setInputFiles([FILE]);
    await page.evaluate(() => {
      const data = new DataTransfer();
      data.items.add(new File(['dropped'], 'fallen gelassen.txt', { type: 'text/plain' }));
      const init = { dataTransfer: data, bubbles: true, cancelable: true };
      document.body.dispatchEvent(new DragEvent('dragenter', init));
      if (!document.querySelector('.drop').classList.contains('over')) throw new Error('it does not show where files go');
      document.body.dispatchEvent(new DragEvent('drop', init));
    });
    assert.deepEqual(await page.locator('#attachment').evaluate((one) => [...one.files].map((file) => file.name)), [FILE.name, 'fallen gelassen.txt']);
    await send(page);
    await answer.getByRole('heading', { name: 'Sent' }).waitFor();
    assert.match(await answer.innerText(), /ann@example\.com\s+bob@example\.com[^]*250/);
    await answer.getByText('The whole answer').click();
    assert.equal(JSON.parse(await answer.locator('pre').innerText()).status, 'sent');
    await checkPage(page, 'compose-sent', shot);
    return { file: FILE.name, content: PDF.toString('base64'), text: WRITTEN.message };
  },

  async composeWithKey(page, { url, key, watch }) {
    await page.goto(`${url}/`);
    await fill(page, { to: 'far@example.net', text: 'x' });
    const answer = page.getByRole('status');
    const titles = [];
    const attempt = async (value) => {
      await page.locator('#key').fill(value);
      const [response] = await Promise.all([page.waitForResponse(`${url}/send`), page.getByRole('button', { name: 'Send' }).click()]);
      await page.waitForFunction(() => !document.querySelector('button').disabled);
      titles.push([response.status(), await answer.getByRole('heading').innerText()]);
    };
    expectStatus(watch, 403);
    expectStatus(watch, 401);
    await page.getByText('More fields').click();
    await attempt('');
    await attempt('wrong');
    await attempt(key);
    return titles;
  },

  async composeKeyboard(page, { url }) {
    await page.goto(`${url}/`);
    const order = [];
    for (let i = 0; i < 9; i++) {
      await press(page, 'Tab');
      order.push(await focused(page));
    }
    assert.deepEqual(order.slice(0, 7), ['input from', 'input to', 'input cc', 'input bcc', 'input subject', 'textarea text', 'input attachment']);
    assert.deepEqual(order.slice(7), ['summary More fields', 'button Send']);
    await page.locator('#to').focus();
    await page.keyboard.type('you@example.com');
    await press(page, 'Enter');
    await page.getByRole('status').getByRole('heading', { name: 'Sent' }).waitFor();
    assert.match(await focused(page), /^div/);
  },

  async composeWithoutScripts(page, { url, shot, watch }) {
    watch.tolerated.push(/favicon\.ico$/); // JSON cannot say that it has no icon
    await page.goto(`${url}/`);
    await checkOutline(page);
    assert.equal(await page.getByText('Files can also be dropped').isVisible(), false);
    await fill(page, { to: 'you@example.com', subject: 'Without scripts', text: 'x' });
    await page.getByLabel('Attachments').setInputFiles([FILE]);
    await shot('compose-without-scripts');
    await send(page);
    await page.waitForURL(`${url}/send`);
    const answer = JSON.parse(await page.locator('pre').innerText());
    await checkWidth(page);
    return answer.status;
  },
};
