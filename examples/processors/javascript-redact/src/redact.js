// Finds e-mail addresses and card numbers in text. Most lines have neither, so the quick checks come first.

/** Replaces e-mail addresses, and returns the text and how many there were. */
export function redactEmails(text, replace) {
  let at = text.indexOf("@");
  if (at < 0) return { text, found: 0 };
  let result = "";
  let done = 0;
  let found = 0;
  for (; at >= 0; at = text.indexOf("@", at + 1)) {
    const start = startOfName(text, at, done);
    DOMAIN.lastIndex = at + 1;
    const domain = start < at && DOMAIN.exec(text);
    if (!domain) continue;
    const end = DOMAIN.lastIndex;
    result += text.slice(done, start) + replace(text.slice(start, end));
    done = end;
    found += 1;
  }
  return { text: found > 0 ? result + text.slice(done) : text, found };
}

/** Replaces numbers of payment cards, and returns the text and how many there were. */
export function redactCards(text, replace) {
  let found = 0;
  // Letters, dots and the like at a number's side make it a part of something else: an id, a time, a fraction.
  const result = text.replace(CARD, (number, place) => {
    const before = text[place - 1];
    const after = text[place + number.length];
    const digits = number.replace(/[ -]/g, "");
    if (isPartOfMore(before, text[place - 2]) || isPartOfMore(after, text[place + number.length + 1])) return number;
    if (!isCardNumber(digits)) return number;
    found += 1;
    return replace(digits);
  });
  return { text: result, found };
}

/** Whether digits have the length, the beginning and the check digit of a card number. */
export function isCardNumber(digits) {
  return SCHEMES.test(digits) && luhn(digits);
}

/** Whether the last digit is the check digit of those before it. */
export function luhn(digits) {
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = digits.charCodeAt(digits.length - 1 - place) - 48;
    const doubled = place % 2 === 1 ? 2 * digit : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** Where the name before an `@` begins; at the `@` itself if there is none. */
function startOfName(text, at, from) {
  let start = at;
  while (start > from && at - start < NAME_LENGTH && NAME[text.charCodeAt(start - 1)]) start -= 1;
  while (start < at && text[start] === ".") start += 1;
  return start;
}

function isPartOfMore(neighbour, beyond) {
  if (neighbour === undefined) return false;
  return /[A-Za-z0-9_]/.test(neighbour) || (/[.,+-]/.test(neighbour) && beyond !== undefined && /[0-9]/.test(beyond));
}

/** What may stand in a name, by code. `=`, `&`, `?`, `/` are left out: in log lines they come before it. */
const NAME = Array.from({ length: 128 }, (_, code) => /[A-Za-z0-9.!#$%*+_~-]/.test(String.fromCharCode(code)));
const NAME_LENGTH = 64;

/** Labels with dots between them, of which the last is of letters. */
const DOMAIN = /(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![A-Za-z0-9])/y;

/** 13 to 19 digits, of which any two may have a space or a hyphen between them. */
const CARD = /[2-6](?:[ -]?[0-9]){12,18}(?![0-9])/g;

/** Lengths by first digits: Visa, Mastercard, American Express, Diners Club, Discover, UnionPay and Maestro, JCB. */
const SCHEMES =
  /^(?:4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[068]\d{12}|(?:6\d|5[06-9])\d{10,17}|35\d{14})$/;
