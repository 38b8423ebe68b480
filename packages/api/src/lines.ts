// How payments are read from files, by the rules of `POST /pay`.
export { readJsonLine, readLine, type Line } from './routes/bulk/line.ts'
export { readJson } from './http/strict-json.ts'
export type { FieldError } from './problem.ts'
export { judge, type Judged } from './routes/pay.ts'
