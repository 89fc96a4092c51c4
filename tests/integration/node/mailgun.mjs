// One call of mailgun.js as a program would make it; only `url` is not Mailgun's. node mailgun.mjs URL KEY CASE
import fs from 'node:fs';
import FormData from 'form-data';
import Mailgun from 'mailgun.js';

const [url, key, name] = process.argv.slice(2);
const withPackage = (Constructor, options = {}) => new Mailgun(Constructor).client({ username: 'api', key, url, ...options });
const client = withPackage(FormData);
const domain = 'mg.example.com';
const simple = { from: 'App <app@example.com>', to: ['you@example.com'], subject: 'Grüße', text: 'Grüße aus Köln' };

const cases = {
  text: () => client.messages.create(domain, simple),
  fetch: () => withPackage(globalThis.FormData, { useFetch: true }).messages.create(domain, simple),
  attachments: () => client.messages.create(domain, {
    ...simple,
    to: ['A <a@example.com>', 'b@example.com, A@EXAMPLE.com'],
    cc: 'c@example.com',
    bcc: ['d@example.com', 'a@example.com'],
    html: '<p><img src="cid:logo.png"></p>',
    'amp-html': '<!doctype html><html ⚡4email><body>amp</body></html>',
    attachment: [
      { data: Buffer.from([0, 1, 2, 255]), filename: 'Übersicht.bin' },
      { data: 'a text', filename: 'note.txt', contentType: 'text/plain' },
      { data: fs.createReadStream(new URL(import.meta.url)), filename: 'mailgun.mjs', knownLength: fs.statSync(new URL(import.meta.url)).size },
    ],
    inline: { data: Buffer.from('not really a picture'), filename: 'logo.png' },
    'h:Reply-To': 'Replies <replies@example.com>',
    'h:X-Own': 'own',
    'v:user': '{"id": 7}',
    'o:tag': ['one', 'two'],
    'o:tracking': true,
    'o:dkim': true,
    'o:testmode': false,
  }),
  unnamed: () => client.messages.create(domain, { ...simple, attachment: Buffer.from('octets') }),
  batch: () => client.messages.create(domain, {
    from: 'app@example.com',
    to: ['Alice <alice@example.com>', 'bob@example.com'],
    subject: 'Hey %recipient.first%',
    text: 'Your number is %recipient.id%.',
    html: '<b>%recipient.first%</b>',
    'recipient-variables': JSON.stringify({
      'alice@example.com': { first: 'Alice', id: 1 },
      'bob@example.com': { first: 'Böb', id: 2 },
    }),
  }),
  mime: () => client.messages.create(domain, {
    to: ['envelope@example.com', 'second@example.com'],
    message: 'From: app@example.com\r\nTo: shown@example.com\r\nSubject: whole\r\n\r\nwhole text\r\n',
  }),
  mimeFile: () => client.messages.create(domain, {
    to: 'envelope@example.com',
    message: Buffer.from('From: app@example.com\r\nSubject: whole\r\nMessage-ID: <own@id.example>\r\n\r\nwhole text\r\n'),
  }),
  testmode: () => client.messages.create(domain, { ...simple, 'o:testmode': true }),
  wrongKey: () => withPackage(FormData, { key: 'wrong' }).messages.create(domain, simple),
  noText: () => client.messages.create(domain, { ...simple, text: undefined }),
  template: () => client.messages.create(domain, { ...simple, template: 'welcome' }),
  notAllowed: () => client.messages.create(domain, { ...simple, to: 'you@elsewhere.example' }),
  tooLarge: () => client.messages.create(domain, { ...simple, attachment: { data: Buffer.alloc(200000), filename: 'large' } }),
};

let result;
try {
  result = await cases[name]();
} catch (error) {
  result = { error: true, status: error.status, message: error.message, details: error.details };
}
process.stdout.write(JSON.stringify(result));
