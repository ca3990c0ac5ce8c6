const STYLE = `
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }
label { display: block; margin: 0.5rem 0 }
[hidden] { display: none }
`;

// Text is only ever set as text, and no form is ever sent by the browser itself: form-action is none.
const SCRIPT = `
const at = (id) => document.getElementById(id);
let csrfToken = '';

async function call(method, path, body, headers = {}) {
  const answer = await fetch(path, {
    method,
    headers: { 'X-CSRF-Token': csrfToken, ...(body && { 'Content-Type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  const json = text === '' ? undefined : JSON.parse(text);
  at('message').textContent = answer.ok ? '' : [json.message].flat().join(', ');
  return answer.ok ? (json ?? true) : undefined;
}

async function show() {
  const session = await call('GET', '/session');
  at('sign-in').hidden = session !== undefined;
  at('bank').hidden = session === undefined;
  if (session === undefined) return;
  csrfToken = session.csrfToken;
  const accounts = (await call('GET', '/accounts')) ?? [];
  at('accounts').replaceChildren(...accounts.map(({ id, number, balance }) => {
    const item = document.createElement('li');
    item.textContent = number + ': ' + (balance / 100).toFixed(2) + ' (' + id + ')';
    return item;
  }));
}

function on(id, what) {
  at(id).addEventListener('submit', async (event) => {
    event.preventDefault();
    await what(Object.fromEntries(new FormData(event.target)));
    event.target.reset();
  });
}

on('sign-in', async (fields) => { if (await call('POST', '/session', fields)) await show(); });
on('transfer', async ({ from, to, amount }) => {
  const order = { from, to, amount: Math.round(Number(amount) * 100) };
  if (await call('POST', '/transfers', order, { 'Idempotency-Key': crypto.randomUUID() })) await show();
});
on('sign-out', async () => { if (await call('DELETE', '/session')) location.reload(); });
// Whoever comes back may still be signed in; whoever is not needs no message.
show().then(() => { at('message').textContent = ''; });
`;

/** @param nonce of this answer: the policy lets no other script or style in */
export function welcomePage(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Ledger</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<h1>Ledger</h1>
<p id="message" role="alert"></p>
<form id="sign-in">
<label>Name <input name="username" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button>
</form>
<div id="bank" hidden>
<ul id="accounts"></ul>
<form id="transfer">
<label>From (id) <input name="from" required></label>
<label>To (id) <input name="to" required></label>
<label>Amount <input name="amount" type="number" min="0.01" step="0.01" required></label>
<button>Send</button>
</form>
<form id="sign-out"><button>Sign out</button></form>
</div>
<script nonce="${nonce}">${SCRIPT}</script>
</body>
</html>
`;
}
