import { expect, test } from 'vitest'
import { addressOf, parseServerUrl, serverUrl } from '../src/index.ts'

/** The hosts of a URL as text, with `-` for a port that is not named. */
function hostsOf(url: string): string | undefined {
  return parseServerUrl(url)
    ?.hosts.map(({ host, port = '-' }) => `${host} ${port}`)
    .join(', ')
}

test.each([
  ['postgres://host', 'host -'],
  ['postgres://u:p@a:5432,b:5433/db', 'a 5432, b 5433'],
  ['postgres://u:p@a,b:5433/db', 'a -, b 5433'],
  ['redis+sentinel://u:p@h1:26379,h2/mymaster', 'h1 26379, h2 -'],
  ['postgres://[::1]:5432,[2001:db8::1]/db', '::1 5432, 2001:db8::1 -'],
  ['postgres://[fe80::1%eth0]:1/db', 'fe80::1%eth0 1'],
  ['postgres://host:/', 'host -'],
  ['postgres:///db', ' -'],
  ['postgres://:12345/', ' 12345'],
  ['postgres://%2Fvar%2Flib%2Fpostgresql/db', '/var/lib/postgresql -'],
  ['postgres:///db?host=/cloudsql/project:region:name', '/cloudsql/project:region:name -'],
  ['postgres://%2Fcloudsql%2Fp%3Ar%3An/db', '/cloudsql/p:r:n -'],
  ['postgres:///db?host=/run/postgresql&port=5433', '/run/postgresql 5433'],
  ['postgres://localhost:5433/db?host=/run/postgresql', '/run/postgresql 5433'],
  ['postgres://host/db?port=12345', 'host 12345'],
  ['postgres:///db?host=a,b&port=1,2', 'a 1, b 2'],
  ['postgres:///db?host=a,b&port=1', 'a 1, b 1'],
  ['postgres:///db?host=a,b&port=1,2,3', undefined],
  ['postgres://a,,b/db', undefined],
  ['postgres://a:1,b:65536/db', undefined],
  ['postgres://a:x/db', undefined],
  ['postgres://[::1', undefined],
  ['postgres://[::1]z', undefined],
  ['postgres://u:p%@host/db', undefined],
  ['postgres://u:p#w@host/db', undefined],
  ['host:5432', undefined],
  ['', undefined],
])('the hosts of %s', (url, hosts) => {
  expect(hostsOf(url)).toBe(hosts)
})

test('login, path and parameters are decoded', () => {
  expect(parseServerUrl('POSTGRES://us%20er:p%40s:s@w@host/d%2Fb?a=1&a=2&b=x%20y')).toMatchObject({
    scheme: 'postgres',
    user: 'us er',
    password: 'p@s:s@w',
    path: 'd/b',
  })
  expect(parseServerUrl('redis://host/0?a=x%20y')?.parameters.get('a')).toBe('x y')
  expect(parseServerUrl('redis://:secret@host')).toMatchObject({ user: undefined, password: 'secret' })
  expect(parseServerUrl('redis://host')).toMatchObject({ user: undefined, password: undefined, path: '' })
})

test.each([
  ['postgres://user:secret@a,b:5433/db?password=secret', 'a:5432,b:5433'],
  ['postgres://user:secret@[::1]:1/db', '[::1]:1'],
  ['postgres:///db?host=/run/postgresql', '/run/postgresql'],
  ['postgres:///db', 'localhost:5432'],
  ['redis://:secret@cache', 'cache:6379'],
])('the address of %s', (url, address) => {
  expect(addressOf(url)).toBe(address)
})

test.each([
  ['mysql://user:secret@db', 'must start with postgres:// or postgresql://'],
  [
    'postgres://user:sec ret#@db',
    'must be a URL of host:port, in which special characters are percent-encoded',
  ],
  [
    'postgres://user:secret@a,b/db',
    'must be a URL of host:port, in which special characters are percent-encoded',
  ],
])('a URL that cannot be used is refused without its password: %s', (url, text) => {
  const { parse } = serverUrl({ env: 'X', flag: 'x', about: '' }, { schemes: ['postgres', 'postgresql'] })
  expect(() => parse(url)).toThrow(text)
})
