// Without this script, the form is posted and the response is the page with the report. With it, the report appears on the same
// page and can be copied. The token stays in the text field: it is in no URL and in no storage.
const form = document.getElementById('form');
const working = document.getElementById('working');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  working.textContent = 'Verifying…';
  try {
    const response = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const report = page.getElementById('report');
    if (!report) throw new Error(`the Worker answered ${response.status}`);
    document.getElementById('report')?.remove();
    form.after(document.importNode(report, true));
    working.textContent = '';
    offerCopy();
    document.getElementById('report').focus();
  } catch (error) {
    working.textContent = `There is no report: ${error.message}`;
  }
});

document.getElementById('token').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});

function offerCopy() {
  const button = document.getElementById('copy');
  if (!button) return;
  button.hidden = false;
  button.addEventListener('click', async () => {
    const text = document.getElementById('text');
    try {
      await navigator.clipboard.writeText(text.textContent);
      document.getElementById('copied').textContent = 'Copied.';
    } catch {
      text.closest('details').open = true;
      getSelection().selectAllChildren(text);
      document.getElementById('copied').textContent = 'Selected: copy it with Ctrl+C or ⌘C.';
    }
  });
}

offerCopy();
