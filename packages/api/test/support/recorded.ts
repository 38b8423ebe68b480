import type { Database } from '@titan/payments'

/** Reports the text of every statement that is sent over a database, and the beginning of each transaction. */
export function recordStatements<Sql extends object>(sql: Sql, record?: (text: string) => void): Sql {
  if (record === undefined) return sql
  return new Proxy(sql, {
    apply(target, self, args: unknown[]) {
      const [strings] = args
      if (Array.isArray(strings) && 'raw' in strings) record(strings.join('?'))
      return Reflect.apply(target as () => unknown, self, args) as unknown
    },
    get(target, name) {
      const { unsafe, begin } = target as unknown as Database
      if (name === 'unsafe')
        return (text: string, ...rest: never[]) => {
          record(text)
          return unsafe(text, ...rest)
        }
      if (name === 'begin')
        return (run: (transaction: object) => unknown) => {
          record('begin')
          return begin((transaction) => run(recordStatements(transaction, record)))
        }
      return Reflect.get(target, name) as unknown
    },
  })
}
