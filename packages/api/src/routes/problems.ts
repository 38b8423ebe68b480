import type { Hono } from 'hono'
import type { AppEnv } from '../middleware/frame.ts'
import { Problem, PROBLEMS, type ProblemCode } from '../problem.ts'

/** `GET /problems/{code}`: what a problem's `type` leads to, in plain words. */
export function mountProblems(app: Hono<AppEnv>): void {
  app.get('/problems/:code', (context) => {
    const code = context.req.param('code')
    if (!isProblemCode(code)) throw new Problem('not-found')
    const { status, title, advice } = PROBLEMS[code]
    return context.text(`${title}\n\ncode: ${code}\nstatus: ${status}\n\n${advice}\n`)
  })
}

function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code)
}
