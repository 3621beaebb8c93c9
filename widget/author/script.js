// The author's pages are whole without this: it copies names, and searches at once.
const $words = document.currentScript.dataset;
for (const $code of document.querySelectorAll("code[data-copy]")) {
  const $button = document.createElement("button");
  $button.type = "button";
  $button.className = "copy";
  $button.textContent = $words.copy;
  $button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText($code.textContent);
      $button.textContent = $words.copied;
    } catch {
      getSelection().selectAllChildren($code);
    }
  });
  $code.after($button);
}
for (const $field of document.querySelectorAll("form[role=search] select")) {
  $field.addEventListener("change", () => $field.form.requestSubmit());
}
