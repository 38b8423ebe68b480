import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressOf } from '../src/index.ts'
import { parseRedisUrl, withSentinelLogin } from '../src/redis/place.ts'

function complaintOf(url: string): string {
  try {
    parseRedisUrl(url)
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

describe('a URL of Redis', () => {
  test.each(['redis://cache', 'rediss://user:p%40ss@cache:6380/3', 'redis://[::1]:6379', 'redis://:p@cache'])(
    'of a single server is left to the client: %s',
    (url) => expect(parseRedisUrl(url)).toEqual({ kind: 'server' }),
  )

  test('of Sentinels names hosts, the master, a login and a database', () => {
    expect(parseRedisUrl('rediss+sentinel://us%40er:p%2Fa:s@s@One,[::1]:5000/my%2Dmaster?db=2')).toEqual({
      kind: 'sentinel',
      isTls: true,
      hosts: [
        { host: 'one', port: 26_379 },
        { host: '::1', port: 5_000 },
      ],
      login: { username: 'us@er', password: 'p/a:s@s' },
      masterName: 'my-master',
      database: 2,
      sentinelLogin: {},
    })
  })

  test('of a cluster names hosts and a login, whose user is the default one', () => {
    expect(parseRedisUrl('redis+cluster://:secret@one,two:7000')).toEqual({
      kind: 'cluster',
      isTls: false,
      hosts: [
        { host: 'one', port: 6_379 },
        { host: 'two', port: 7_000 },
      ],
      login: { username: 'default', password: 'secret' },
    })
  })

  test.each([
    ['cache:6379', /^must start with one of redis:\/\/ rediss:\/\/ redis\+sentinel:\/\//],
    ['redis+sentinels://host/mymaster', /^must start with/],
    ['redis://one,two', /^must name one host: several are for Sentinels, redis\+sentinel:/],
    ['redis+cluster://', /^must name each host, without a comma too many: redis\+cluster:/],
    ['redis+cluster://one,', /^must be a URL of host:port, several with one comma between/],
    ['redis+cluster://one,,two', /^must be a URL of host:port/],
    ['redis+sentinel://:26379/mymaster', /^must name each host/],
    ['redis+cluster://one,two:99999', /^must be a URL of host:port/],
    ['redis+cluster://one,two:port', /^must be a URL of host:port/],
    ['redis+cluster://::1:7000', /^must be a URL of host:port/],
    ['redis+cluster://user:p%ss@one', /percent-encoded$/],
    ['redis+cluster://user:pa/ss@one', /percent-encoded$/],
    ['redis+cluster://one:7000,ONE:7000', /^must not name a host and port twice/],
    ['redis+cluster://one,one:6379', /^must not name a host and port twice/],
    ['redis+cluster://user@one', /^has a user name without a password/],
    ['redis+cluster://one/0', /^must end after the hosts, .*neither database numbers/],
    ['redis+cluster://one?db=1', /^must end after the hosts/],
    ['redis+sentinel://one', /^must end with the name that the Sentinels give the master/],
    ['redis+sentinel://one/', /^must end with the name/],
    ['redis+sentinel://one/my%20master', /^must end with the name/],
    ['redis+sentinel://one/mymaster/2', /^must end with the name/],
    ['redis+sentinel://one/mymaster?db=two', /^must have a whole number from 0 to 999999 as db/],
    ['redis+sentinel://one/mymaster?tls=yes', /^may have no parameter but db/],
  ])('%s is refused', (url, complaint) => {
    expect(complaintOf(url)).toMatch(complaint)
  })

  test('with a login of the Sentinels keeps it, but shows it in no address', () => {
    const url = withSentinelLogin('redis+sentinel://one,[::1]/mymaster?db=1', undefined, 'se&c=ret')
    expect(parseRedisUrl(url)).toMatchObject({
      database: 1,
      sentinelLogin: { username: 'default', password: 'se&c=ret' },
    })
    expect(addressOf(url)).toBe('one:26379,[::1]:26379')
    const other = 'redis+cluster://one'
    expect(withSentinelLogin(other, 'user', 'secret')).toBe(other)
  })

  const word = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
    .filter((text) => text.isWellFormed())
  const host = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV6().map((address) => `[${address}]`),
  )
  const hosts = fc.uniqueArray(fc.tuple(host, fc.integer({ min: 1, max: 65_535 })), {
    minLength: 1,
    maxLength: 5,
    selector: ([name, port]) => `${name.toLowerCase()}:${port}`,
  })

  test('says what was put into it, and no complaint repeats its password', () => {
    fc.assert(
      fc.property(
        hosts,
        word,
        word,
        fc.constantFrom('sentinel', 'cluster'),
        (given, user, password, kind) => {
          const list = given.map(([name, port]) => `${name}:${port}`).join(',')
          const end = kind === 'sentinel' ? '/mymaster' : ''
          const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
          const place = parseRedisUrl(`redis+${kind}://${login}@${list}${end}`)
          expect(place).toMatchObject({
            kind,
            hosts: given.map(([name, port]) => ({ host: name.replaceAll(/[[\]]/g, '').toLowerCase(), port })),
            login: { username: user, password },
          })
        },
      ),
    )
  })

  test('never fails otherwise than by a complaint, which does not repeat its password', () => {
    const secret = 'hunter2hunter2'
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.constantFrom('sentinel', 'cluster'), (before, after, kind) => {
        expect(complaintOf(`redis+${kind}://user:${before}${secret}${after}`)).not.toContain(secret)
      }),
    )
  })
})
