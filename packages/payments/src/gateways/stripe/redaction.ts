import { withoutTexts } from '../redaction.ts'

/** Keys, client secrets, and the tokens of payment methods and customers, whosever they are. */
const SECRETS =
  /\b(?:(?:sk|rk|whsec)_\w+|\w+_secret_\w+|(?:pm|card|src|tok|cus|seti)_(?=[A-Za-z]*\d)[A-Za-z0-9]{8,})/g

/** Takes secrets and private texts out of a message, which is stored and logged. What is no text becomes an empty one. */
export function redact(message: unknown, privateTexts: readonly string[] = []): string {
  return withoutTexts(message, privateTexts).replaceAll(SECRETS, '…')
}
