// Reads mails with mailparser: for each file that is named on standard input one line of JSON with what is in it.
import fs from "node:fs";
import readline from "node:readline";
import libmime from "libmime";
import { simpleParser } from "mailparser";

const options = {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipTextLinks: true,
    skipImageLinks: true,
    keepCidLinks: true,
    keepDeliveryStatus: true,
};

// mailparser decodes neither the names within a group nor fields that it does not know, and guesses a file's type from its
// name where the mail says application/octet-stream: its own library and its raw headers tell what is in the mail.
function person(one) {
    return one.group === undefined ? one : { name: one.name, group: one.group.map((member) => ({
        name: libmime.decodeWords(member.name),
        address: member.address,
    })) };
}

function people(field) {
    const list = field === undefined ? [] : Array.isArray(field) ? field : [field];
    return list.flatMap((one) => one.value.map(person));
}

function unknownFields(headers) {
    return Object.fromEntries([...headers].filter(([name]) => name.startsWith("x-"))
        .map(([name, value]) => [name, libmime.decodeWords(value)]));
}

for await (const path of readline.createInterface({ input: process.stdin })) {
    const mail = await simpleParser(fs.readFileSync(path), options);
    console.log(JSON.stringify({
        subject: mail.subject,
        from: people(mail.from),
        sender: mail.headers.get("sender")?.value ?? [],
        reply_to: people(mail.replyTo),
        to: people(mail.to),
        cc: people(mail.cc),
        bcc: people(mail.bcc),
        message_id: mail.messageId,
        in_reply_to: mail.inReplyTo,
        references: mail.references,
        date: mail.date,
        headers: unknownFields(mail.headers),
        text: mail.text,
        html: mail.html,
        attachments: mail.attachments.map((file) => ({
            name: file.filename,
            type: file.headers.get("content-type").value,
            disposition: file.contentDisposition,
            cid: file.cid,
            content: file.content.toString("base64"),
        })),
    }));
}
