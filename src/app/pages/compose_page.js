// The compose page works without this: it only shows the answer readably, takes dropped files, and sends an API key.
"use strict";
(() => {
  const form = document.querySelector("form");
  const button = form.querySelector("button");
  const answer = document.querySelector(".answer");
  const drop = document.querySelector(".drop");
  const files = document.getElementById("attachment");
  const key = document.getElementById("key");

  const add = (parent, tag, text) => {
    const element = document.createElement(tag);
    element.textContent = text; // never markup
    parent.append(element);
    return element;
  };

  const list = (title, items) => {
    if (items.length === 0) return;
    add(answer, "p", title);
    const to = add(answer, "ul", "");
    for (const item of items) add(to, "li", item);
  };

  const reply = (r) => [r.code, r.enhanced, r.text].filter(Boolean).join(" ");

  const show = (failed, title, body, raw) => {
    answer.replaceChildren();
    answer.hidden = false;
    answer.classList.toggle("failed", failed);
    add(answer, "h2", title);
    const errors = body.errors || []; // the first one is the detail
    if (body.detail && errors.length < 2) add(answer, "p", body.detail);
    if (errors.length > 1) list("Wrong:", errors.map((e) => `${e.field}: ${e.detail}`));
    list("Taken for:", body.accepted || []);
    list("Refused:", (body.rejected || []).map((r) => `${r.address}: ${reply(r)}`));
    if (body.reply) add(answer, "p", `The server ${body.server || ""} said: ${reply(body.reply)}`);
    if (body.id) add(answer, "p", `Message-ID: ${body.id}`);
    if (failed && body.delivery === "unknown") add(answer, "p", "It is not known whether the mail was taken; look before you send it again.");
    if (raw) {
      const details = add(answer, "details", "");
      add(details, "summary", "The whole answer");
      add(details, "pre", typeof body.status === "undefined" ? raw : JSON.stringify(body, null, 2));
    }
    answer.focus();
  };

  const titles = { "sent": "Sent", "partial": "Sent to some of the recipients", "dry-run": "All is well; nothing was sent" };

  const send = async () => {
    // Without credentials of its own the browser does not ask for a password when the key is wrong (401).
    const access = key.value === "" ? {} : { headers: { Authorization: `Bearer ${key.value}` }, credentials: "omit" };
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), ...access });
    const raw = await response.text();
    let body = {};
    try {
      body = JSON.parse(raw);
    } catch {
      body = { title: "An answer that is not ours", detail: `Status ${response.status}` };
    }
    show(!response.ok, titles[body.status] || body.title || `Status ${response.status}`, body, raw);
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    try {
      await send();
    } catch (error) {
      show(true, "No answer", { detail: `${error.message}. It is not known whether the mail was sent.` }, "");
    } finally {
      button.disabled = false;
    }
  });

  const takes = (event) => event.dataTransfer && event.dataTransfer.types.includes("Files");
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      if (!takes(event)) return;
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) drop.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    if (!takes(event)) return;
    event.preventDefault();
    drop.classList.remove("over");
    const all = new DataTransfer();
    for (const file of [...files.files, ...event.dataTransfer.files]) all.items.add(file);
    files.files = all.files;
  });

  for (const element of document.querySelectorAll("[data-script]")) element.hidden = false;
})();
