// <donation-widget>: shows the card the service wrote, with what moves money taken from the page.
//
// Where the page holds addresses (a[data-qr] inside the element), the QR code, the wallet link and
// the copied text come from there alone, and a service that names other addresses gets a warning
// instead of a code. The service words and counts everything; nothing is computed or stored here.
//
// There is no build step. The server (donations/web/assets.py) takes comment lines and spare blanks
// away, cuts names that begin with $ or # to a letter, and puts the style sheet in. So: comments on
// lines of their own, no blank and no quote in a regular expression, no $name and no #name in a string.

const $TAGS = /^(details|summary|div|h\d|p|b|span|input|label|button|a|ol|li|time|progress)$/;
const $ATTRIBUTES = /^((class|part|id|lang|dir|for|name|checked|max|value|datetime|role|translate|(data|aria)-\w+)=|type=radio$)/;

const $one = ($node, $selector) => $node.querySelector($selector);
const $all = ($node, $selector) => [...$node.querySelectorAll($selector)];
const $said = ($node, $selector = ".address") => $all($node, $selector).map($each => $each.textContent.trim());
const $latest = $node => $one($node, "li time")?.dateTime;
// A word as long as the shortest address, hidden letters or not, or a code drawn with letters.
const $names = $text => /[0-9a-z]{26}|[▀-▟]{5}/i.test($text.replace(/[\p{Cf}\p{Mn}]/gu, ""));
const $sheet = new CSSStyleSheet();
$sheet.replaceSync("widget.css");

// In a template nothing loads and nothing runs.
const $parse = $html => {
  const $box = document.createElement("template");
  $box.innerHTML = $html;
  return $box.content.firstChild;
};

// A copy with the known elements and attributes only. No link passes: they are made here.
const $admit = $node => {
  if ($node.nodeType == 3) return $node.data;
  if (!$TAGS.test($node.localName)) return "";
  const $copy = document.createElement($node.localName);
  for (const $each of $node.attributes) if ($ATTRIBUTES.test($each.name + "=" + $each.value) && !$names($each.value)) $copy.setAttribute($each.name, $each.value);
  $copy.append(...[...$node.childNodes].map($admit));
  return $copy;
};

// The black modules, row by row, from base64; four modules of quiet zone around.
const $draw = $from => {
  const $bytes = atob($from.dataset.qr), $side = Math.sqrt($bytes.length * 8) | 0;
  let $path = "";
  for (let $i = 0; $i < $side * $side; $i++) if ($bytes.charCodeAt($i >> 3) << ($i & 7) & 128) $path += `M${$i%$side+4} ${($i/$side|0)+4.5}h1`;
  const $svg = $parse(`<svg width=132 viewBox="0 0 ${$side+8} ${$side+8}" role=img shape-rendering=crispEdges><rect fill=white width=100% height=100% /><path stroke=black d="${$path}">`);
  $svg.ariaLabel = $from.title;
  return $svg;
};

class $Widget extends HTMLElement {
  #base; #root; #html; #timer; #stream;
  #due = 0;
  // Undefined at first: what observe returns.
  #near = new IntersectionObserver($entries => this.#tick(this.#near = $entries.pop().isIntersecting), { rootMargin: "600px" }).observe(this);

  connectedCallback() {
    this.#base = new URL((this.getAttribute("src") || ".").replace(/\/?$/, "/"), import.meta.url);
    const $root = this.#root ||= $one(this, ".card") ? this : this.shadowRoot || this.attachShadow({ mode: "open" });
    if ($root == this) this.#due = Date.now() + 6e4;
    else $root.adoptedStyleSheets = [$sheet];
    $root.innerHTML ||= "<slot>";
    this.#timer = setInterval(() => this.#tick(), 15e3);
    this.onclick = $event => {
      const $hit = $event.composedPath()[0];
      $hit.matches(".copy,.wallet") && this.#give($hit);
    };
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    this.#stream?.close();
  }

  // "no-cache" asks with the ETag: an unchanged card costs a 304.
  async #tick() {
    if (this.#near && !document.hidden && Date.now() > this.#due) {
      this.#due = Date.now() + 6e4;
      try {
        const $answer = await fetch(new URL(`${this.getAttribute("form") || "card"}?lang=${this.closest("[lang]")?.lang}`, this.#base), { cache: "no-cache", signal: AbortSignal.timeout(9e3) });
        const $html = await $answer.text();
        if (!$answer.ok) throw 0;
        if ($html != this.#html) this.#show($html);
        this.#html = $html;
      } catch {
        // What was shown stays, with the age it tells; at first that is the page's own text.
        if (!this.#html && !$one(this, "svg")) for (const $each of $all(this, "[data-qr]")) $each.before($draw($each));
      }
    }
    const $card = $one(this.#root, ".card");
    if ($card && this.#odd($card)) this.#warn();
  }

  // Words the ages as the card says for its language: "unit:count:text", from so many units (seconds)
  // on, the unit left out where it is the one before; then looks for an address beside the page's.
  #odd($card) {
    for (const $time of $all($card, "time")) {
      const $age = (Date.now() - Date.parse($time.dateTime)) / 1e3;
      let $text = "", $unit;
      for (const $each of ($card.dataset.ago || "").split("|")) {
        const [$word, $count, $other] = $each.split(":").reverse();
        if ($age >= $count * ($unit = $other || $unit)) $text = $word.replace("#", $age / $unit | 0);
      }
      $time.title ||= $time.textContent;
      $time.textContent = $text || $time.title;
    }
    const $texts = $said(this, "a[data-qr]");
    return $texts[0] && $names($texts.reduce(($text, $each) => $text.replaceAll($each, ""), $card.textContent));
  }

  #warn() {
    this.#root.innerHTML = "<p class='card differ' role=alert>";
    this.#root.firstChild.textContent = this.getAttribute("warning") || "Do not pay!";
  }

  #show($html) {
    const $root = this.#root, $served = $parse($html), $card = $admit($served);
    const $mine = $all(this, "a[data-qr]"), $texts = $said(this, "a[data-qr]");
    if (this.#odd($card) || $mine[0] && $said($card).sort() + "" != $texts.toSorted()) return this.#warn();
    const $fresh = $all($card, "[data-live]"), $live = $all($root, "[data-live]"), $known = $latest($root);
    if ($said($root) + "" == $said($card) && $live.length == $fresh.length) {
      // Numbers are replaced in place, so that the choice and the focus stay.
      $live.map(($node, $i) => $node.replaceWith($fresh[$i]));
      const $gift = $one($root, "li");
      if ($gift && !($latest($root) <= $known)) {
        $gift.className = "new";
        this.#say($gift.parentNode.dataset.new + " " + $one($gift, "b").textContent);
      }
      return;
    }
    $one($card, ".home").href = this.#base;
    $card.style.setProperty("--a", $card.dataset.accent || "");
    $all($card, ".coin").map(($coin, $i) => {
      const $from = $mine[0] ? $mine[$texts.indexOf($said($coin)[0])] : $all($served, ".wallet")[$i];
      $one($coin, ".qr").append($draw($from));
      if (/^(bit|bch|eth)\w+:/.test($from.href)) $one($coin, ".wallet").href = $from.href;
    });
    $root.replaceChildren($card);
  }

  #say($words) {
    // A warning has taken its place, perhaps.
    ($one(this.#root, "[role=status]") || {}).textContent = $words;
  }

  // The donor is about to give: for a quarter of an hour every change is shown at once.
  async #give($button) {
    this.#stream?.close();
    const $stream = this.#stream = new EventSource(new URL("live", this.#base));
    $stream.onmessage = () => this.#tick(this.#due = 0);
    setTimeout(() => $stream.close(), 9e5);
    if ($button.href) return;
    const $code = $one($button.closest(".coin"), ".address");
    const $done = await navigator.clipboard?.writeText($code.textContent).then(() => 1, () => 0) || (getSelection().selectAllChildren($code), document.execCommand("copy"));
    $button.value ||= $button.textContent;
    this.#say($button.textContent = $button.dataset[$done ? "done" : "failed"]);
    setTimeout(() => this.#say("", $button.textContent = $button.value), 4e3);
  }
}

// A script that runs early waits: before its children are there, a page with addresses looks like
// one without. It may be included twice, under its two names.
while (document.readyState == "loading") await new Promise(setTimeout);
try {
  customElements.define("donation-widget", $Widget);
} catch {
}
