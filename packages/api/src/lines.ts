// How payments are read from files, by the rules of `POST /pay`.
export { readJsonLine, readLine, type Line } from './routes/bulk/line.ts'
export { judge, type Judged } from './routes/pay.ts'
