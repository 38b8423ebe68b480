import { Problem, PROBLEMS, type ProblemCode } from '../problem.ts'
import { pathParameter, route, type Route } from './route.ts'

/** `GET /problems/{code}`: the page that a problem's `type` names, in plain words. */
export const PROBLEM_ROUTES: readonly Route<unknown>[] = [
  route({
    method: 'get',
    path: '/problems/{code}',
    id: 'getProblem',
    tag: 'Service',
    summary: 'Explain a problem',
    responses: [
      {
        status: 200,
        description: 'The problem in plain words',
        mediaType: 'text/plain',
        example: 'No such payment\n\ncode: payment-not-found\nstatus: 404\n',
      },
    ],
    problems: ['not-found'],
    handle(context) {
      const code = pathParameter(context, 'code')
      if (!isProblemCode(code)) throw new Problem('not-found')
      const { status, title, advice } = PROBLEMS[code]
      return context.text(`${title}\n\ncode: ${code}\nstatus: ${status}\n\n${advice}\n`)
    },
  }),
]

function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code)
}
