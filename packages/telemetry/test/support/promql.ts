import { parser } from '@prometheus-io/lezer-promql'

/** What an expression asks of a label: equal to a text, or matched by a pattern. */
export interface Matcher {
  readonly label: string
  /** Whether a value of the label can be what is asked for. */
  allows(value: string): boolean
}

/** One metric that an expression reads. */
export interface Selected {
  readonly name: string
  readonly matchers: readonly Matcher[]
}

/** What an expression of PromQL selects. Throws when it is none. */
export function selectedBy(expression: string): Selected[] {
  const selected: { name: string; matchers: Matcher[] }[] = []
  parser.parse(expression).iterate({
    enter(node) {
      const text = expression.slice(node.from, node.to)
      if (node.type.isError) throw new Error(`not PromQL at ${node.from}: ${expression}`)
      if (node.name === 'VectorSelector') selected.push({ name: '', matchers: [] })
      const last = selected.at(-1)
      if (last === undefined) return
      if (node.name === 'Identifier' && last.name === '') last.name = text
      if (node.name === 'UnquotedLabelMatcher') last.matchers.push(readMatcher(text))
    },
  })
  return selected
}

function readMatcher(text: string): Matcher {
  const [, label = '', operator = '', value = ''] = /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/s.exec(text) ?? []
  const pattern = new RegExp(`^(?:${value})$`)
  const isMatch = (given: string): boolean => (operator.endsWith('~') ? pattern.test(given) : given === value)
  return { label, allows: (given) => isMatch(given) === !operator.startsWith('!') }
}
