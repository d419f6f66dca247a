/**
 * Takes secrets out of text that is to leave this machine. The log and the answers of a node hold none to begin with; this is
 * the second wall, for lines that other programs wrote and for files that somebody put where they do not belong.
 */

const removed = '(removed)';

/** A PEM private key, on lines of its own or escaped inside JSON; one without an end takes all the rest with it. */
const privateKey = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g;

/** The end of one whose beginning is missing. */
const privateKeyEnd = /(?:[A-Za-z0-9+/=-]+(?:\r?\n|\\n))*-----END [A-Z0-9 ]*PRIVATE KEY-----/g;

/** Names of fields, variables and headers whose values are secrets. */
const secretName = String.raw`[\w-]*(?:secret|token|password|passwd|passphrase|credential|api[_-]?key|private[_-]?key|authorization)[\w-]*`;
const named = [
  // "name":"value", also inside a string that is itself JSON
  new RegExp(String.raw`(\\*"${secretName}\\*"\s*:\s*\\*")((?:\\\\.|[^"\\])+)`, 'gi'),
  // NAME=value, name: value
  new RegExp(String.raw`(\b${secretName}\s*[=:]\s*)((?:(?:Bearer|Basic)\s+)?[^\s"',;}&]+)`, 'gi'),
];

/** User and password in a URL; a node id before the @ is none. */
const userInfo = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"':]+:[^\s/@"']+@/gi;

/** `(set)` stands for a secret already. */
const harmless = new Set(['(set)', removed, 'null', 'true', 'false', 'undefined']);

/** @param secrets values that must not stay wherever they are */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text.replace(privateKey, removed).replace(privateKeyEnd, removed);
  for (const secret of secrets.filter((value) => value.length > 0)) {
    const forms = new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
    for (const form of forms) clean = clean.replaceAll(form, removed);
  }
  for (const pattern of named) clean = clean.replace(pattern, (whole, name: string, value: string) => (harmless.has(value) ? whole : name + removed));
  return clean.replace(userInfo, `$1${removed}@`);
}
