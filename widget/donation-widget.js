// <donation-widget>: shows the service's fragment, with what moves money taken from the page.
//
// Where the page holds addresses (a[data-qr] inside the element), the QR code, the wallet link and
// the copied text come from there alone, and a service that names other addresses gets a warning
// instead of a code. The service words and counts everything; nothing is computed or stored here.
//
// Comments stand on lines of their own: the server removes them and puts the style sheet in.

const TAGS = /^(section|h[23]|bdi|div|p|b|i|span|code|fieldset|legend|input|label|button|a|ol|li|time|progress)$/;
const ATTRIBUTES = /^(class|id|lang|dir|for|name|checked|max|value|datetime|role|rel|target|translate|(aria|data)-\w+)$/;
// Drawings and payment links pass only where the page itself names no address.
const DRAWN = /^(svg|path)$/;
const DRAWING = /^(viewBox|d|fill|stroke|shape-rendering)$/;
const SCHEMES = /^(bitcoin|bitcoincash|bchtest|bchreg|ethereum):[\w:.@-]+$/;
// As long as the shortest address: the service may say no such word, hidden letters or not.
const ADDRESS = /[0-9a-z]{26}/i;
const names = (text) => ADDRESS.test(text.replace(/[\p{Cf}\p{Mn}]/gu, ""));
const all = (node, selector) => [...node.querySelectorAll(selector)];
const said = (node) => all(node, ".address").map((each) => each.textContent).join();
const sheet = new CSSStyleSheet();
sheet.replaceSync("widget.css");

const make = (name, attributes, ...children) => {
  const node = document.createElementNS("http://www.w3.org/" + (DRAWN.test(name) ? "2000/svg" : "1999/xhtml"), name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  node.append(...children);
  return node;
};

// The black modules, row by row, from base64; four modules of quiet zone around.
const draw = (bits, label) => {
  const bytes = atob(bits);
  const side = Math.sqrt(bytes.length * 8) | 0;
  const box = side + 8;
  let d = "";
  for (let i = 0; i < side * side; i++) {
    if (bytes.charCodeAt(i >> 3) << (i & 7) & 128) d += `M${i % side + 4} ${(i / side | 0) + 4.5}h1`;
  }
  return make("svg", { viewBox: `0 0 ${box} ${box}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" },
    make("path", { fill: "#fff", d: `M0 0h${box}v${box}H0z` }), make("path", { stroke: "#000", d }));
};

class DonationWidget extends HTMLElement {
  #base; #lang; #root; #html; #said; #near; #due; #stop;

  async connectedCallback() {
    // Before its children are there, a page with addresses looks like one without.
    while (document.readyState === "loading") await new Promise((done) => setTimeout(done, 50));
    if (this.#stop || !this.isConnected) return;
    this.#base = new URL((this.getAttribute("src") || ".").replace(/\/?$/, "/"), import.meta.url);
    this.#lang = (this.closest("[lang]")?.lang || "").slice(0, 2);
    const root = this.#root ||= this.querySelector(".card") ? this : this.shadowRoot || this.attachShadow({ mode: "open" });
    if (root !== this) root.adoptedStyleSheets = [sheet];
    if (!root.firstChild) root.append(make("slot"));
    this.#said = said(root);
    this.#due = this.#said && Date.now() + 60000;
    this.onclick = (event) => {
      const button = event.composedPath()[0];
      if (button.matches(".copy")) this.#copy(button);
    };
    const seen = new IntersectionObserver((entries) => {
      this.#near = entries.at(-1).isIntersecting;
      this.#tick();
    }, { rootMargin: "600px" });
    seen.observe(this);
    const timer = setInterval(() => this.#tick(), 15000);
    this.#stop = () => {
      seen.disconnect();
      clearInterval(timer);
    };
  }

  disconnectedCallback() {
    this.#stop?.();
    this.#stop = null;
  }

  // "no-cache" asks with the ETag: an unchanged widget costs a 304.
  async #tick() {
    if (this.#near && !document.hidden && Date.now() >= this.#due) {
      this.#due = Date.now() + 60000;
      try {
        const answer = await fetch(new URL("fragment?lang=" + this.#lang, this.#base), { cache: "no-cache", credentials: "omit", signal: AbortSignal.timeout(9000) });
        const html = await answer.text();
        if (!answer.ok) throw answer;
        if (html !== this.#html) this.#show(this.#html = html);
      } catch {
        // What was shown stays, with the age it tells; the page's own text at first, and its codes.
        if (!this.#said && !all(this.#root, ".codes")[0]) this.#root.append(make("p", { class: "codes" }, ...all(this, "a[data-qr]").map((a) => make("span", {}, draw(a.dataset.qr, a.title), a.title))));
      }
    }
    this.#age();
  }

  // What the page says: address -> its link, with the bits of its code.
  #page() {
    return new Map(all(this, "a[data-qr]").map((a) => [a.textContent.trim(), a]));
  }

  #show(html) {
    const page = this.#page();
    const card = this.#admit(new DOMParser().parseFromString(html, "text/html").querySelector(".card"), !page.size);
    const fresh = all(card, "[data-live]");
    const live = all(this.#root, "[data-live]");
    const same = said(card) === this.#said && live.length === fresh.length;
    this.#said = said(card);
    if (page.size) {
      const rest = card.cloneNode(true);
      all(rest, ".address").forEach((node) => node.remove());
      if (names(rest.textContent) || `${this.#said.split(",").sort()}` !== `${[...page.keys()].sort()}`) {
        this.#root.replaceChildren(make("p", { class: "card differ", role: "alert" }, this.getAttribute("warning") || "The addresses on this page and those of the donation service differ. Send nothing before asking the author."));
        return;
      }
      for (const coin of all(card, ".coin")) {
        const a = page.get(coin.querySelector(".address").textContent);
        const box = coin.querySelector(".qr");
        box.replaceChildren(draw(a.dataset.qr, box.dataset.qr));
        coin.querySelector(".wallet").setAttribute("href", a.getAttribute("href"));
      }
    }
    // Numbers are replaced in place, so that the choice and the focus stay.
    if (same) live.forEach((node, i) => node.replaceWith(fresh[i]));
    else this.#root.replaceChildren(card);
  }

  // A copy with the known elements and attributes only.
  #admit(node, bare) {
    if (node.nodeType === 3) return node.data;
    if (!TAGS.test(node.localName) && !(bare && DRAWN.test(node.localName))) return "";
    const copy = make(node.localName);
    for (const { name, value } of node.attributes) {
      if (name === "href") {
        const url = new URL(value, this.#base);
        if (url.origin === this.#base.origin || bare && SCHEMES.test(value)) copy.href = url;
      } else if (name === "type" ? /^(radio|button)$/.test(value) : bare ? ATTRIBUTES.test(name) || DRAWING.test(name) : ATTRIBUTES.test(name) && !names(value)) {
        copy.setAttribute(name, value);
      }
    }
    copy.append(...[...node.childNodes].map((child) => this.#admit(child, bare)));
    return copy;
  }

  #age() {
    const words = new Intl.RelativeTimeFormat(this.#lang || "en", { numeric: "auto" });
    for (const time of all(this.#root, "time")) {
      const seconds = Math.max(0, Date.now() - Date.parse(time.dateTime)) / 1000 | 0;
      time.title ||= time.textContent;
      time.textContent = seconds < 60 ? words.format(-seconds, "second")
        : seconds < 3600 ? words.format(-(seconds / 60 | 0), "minute")
        : seconds < 86400 ? words.format(-(seconds / 3600 | 0), "hour")
        : seconds < 2592000 ? words.format(-(seconds / 86400 | 0), "day")
        : time.title;
    }
  }

  async #copy(button) {
    const code = button.closest(".coin").querySelector(".address");
    const done = await navigator.clipboard?.writeText(code.textContent).then(() => true, () => false) || (getSelection().selectAllChildren(code), document.execCommand("copy"));
    const status = this.#root.querySelector("[role=status]");
    button.value ||= button.textContent;
    button.textContent = status.textContent = done ? button.dataset.copied : button.dataset.failed;
    setTimeout(() => {
      button.textContent = button.value;
      status.textContent = "";
    }, 4000);
  }
}

// The script may be included twice, under its two names.
customElements.get("donation-widget") || customElements.define("donation-widget", DonationWidget);
