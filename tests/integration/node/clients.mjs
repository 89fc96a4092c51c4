// Posts forms with node's own fetch, FormData and Blob, as programs do: node clients.mjs URL CASE
// Prints {"status", "body"} of the answer.
const [url, name] = process.argv.slice(2);

const form = (entries) => {
  const data = new FormData();
  for (const entry of entries) data.append(...entry);
  return data;
};
const post = (path, body, more = {}) => fetch(`${url}${path}`, { method: 'POST', body, headers: { accept: 'application/json' }, ...more });

// Octets that come one chunk at a time, of no length that is known before.
const stream = (text) => new ReadableStream({
  async start(controller) {
    for (const octet of new TextEncoder().encode(text)) controller.enqueue(new Uint8Array([octet]));
    controller.close();
  },
});

const cases = {
  names: () => post('/form/any', form([
    ['we"ird', '1'], ['line\nend', '2'], ['per%22cent %0D', '3'], ['back\\slash', '4'], ['ünï 🙂', 'ä\nö'], ['', 'no name'],
  ].slice(0, 5))),
  noName: () => post('/form/any', form([['', 'x']])),
  files: () => post('/send', form([
    ['to', 'b@example.com'], ['text', 'a\nb\r\nc\rd'],
    ['attachment', new Blob(['1'], { type: 'text/plain' }), 'quo"te.txt'],
    ['attachment', new Blob(['2']), 'C:\\temp\\ü.bin'],
    ['attachment', new Blob([new Uint8Array([0, 13, 10, 255])], { type: 'application/pdf' }), '100% 資料 🙂.pdf'],
    ['attachment', new Blob(['4'])],
    ['attachment', new Blob([''], { type: 'text/plain' }), 'empty.txt'],
    ['inline', new Blob([]), ''], // an empty file input
  ])),
  lineEndInFileName: () => post('/send', form([['to', 'b@example.com'], ['text', 'x'], ['attachment', new Blob(['1']), 'a\r\nb.txt']])),
  urlencoded: () => post('/form/any', new URLSearchParams([['a b&c=d', 'ü +%&=\r\n🙂'], ['again', '1'], ['again', '2'], ['empty', '']])),
  streamed: () => post('/send', stream('from=a%40example.com&to=b%40example.com&text=str%C3%B6m'), {
    duplex: 'half', headers: { 'content-type': 'application/x-www-form-urlencoded' },
  }),
};

const response = await cases[name]();
process.stdout.write(JSON.stringify({ status: response.status, body: await response.text() }));
