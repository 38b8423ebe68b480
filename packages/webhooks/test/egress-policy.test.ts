import { describe, expect, test } from 'vitest'
import { checkUrl, PUBLIC_EGRESS, whyNotReachable } from '../src/model/egress-policy.ts'

const OPEN = { ...PUBLIC_EGRESS, allowHttp: true }

describe('an address that is not global unicast is refused', () => {
  test.each([
    ['0.0.0.0', 'this host'],
    ['0.1.2.3', 'this network'],
    ['10.0.0.1', 'private'],
    ['10.255.255.255', 'private'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['100.127.255.255', 'carrier-grade NAT'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.169.254', 'link-local, where clouds keep credentials'],
    ['168.63.129.16', 'the host agent of Azure'],
    ['::ffff:168.63.129.16', 'the same, IPv4-mapped'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.1', 'protocol assignments'],
    ['192.0.2.1', 'documentation'],
    ['192.88.99.1', '6to4 relay'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'benchmarks'],
    ['198.19.255.255', 'benchmarks'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::127.0.0.1', 'IPv4-compatible'],
    ['::ffff:127.0.0.1', 'IPv4-mapped loopback'],
    ['::ffff:10.0.0.1', 'IPv4-mapped private'],
    ['::ffff:a9fe:a9fe', 'IPv4-mapped link-local'],
    ['::ffff:0:127.0.0.1', 'IPv4-translated'],
    ['64:ff9b::7f00:1', 'NAT64 of loopback'],
    ['64:ff9b::808:808', 'NAT64'],
    ['64:ff9b:1::a00:1', 'local NAT64'],
    ['100::1', 'discard'],
    ['2001::1', 'Teredo'],
    ['2001:2::1', 'benchmarks'],
    ['2001:10::1', 'ORCHID'],
    ['2001:20::1', 'ORCHIDv2'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::', '6to4 of loopback'],
    ['3fff::1', 'documentation'],
    ['5f00::1', 'segment routing'],
    ['4000::1', 'not given out'],
    ['fc00::1', 'unique local'],
    ['fd12:3456:789a::1', 'unique local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local with a zone'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
    ['', 'nothing'],
    ['example.com', 'a name'],
    // F114 webhook endpoints: the host agent of a cloud as the address, a hundred and one of them, a `read` key
    //  that lists them: refused; refused; only hosts are shown
  ])('%s (%s)', (address) => {
    expect(whyNotReachable(address, PUBLIC_EGRESS)).toEqual(expect.any(String))
  })
})

test.each([
  '1.1.1.1',
  '93.184.215.14',
  '172.32.0.1',
  '100.128.0.1',
  '2606:4700:4700::1111',
  '::ffff:1.1.1.1',
])('the public address %s passes', (address) => {
  expect(whyNotReachable(address, PUBLIC_EGRESS)).toBeUndefined()
})

test('a subnet that is allowed lets its own addresses through and no others', () => {
  const egress = { allowedSubnets: ['10.1.0.0/16', 'fd00:1::/32'] }
  expect(whyNotReachable('10.1.2.3', egress)).toBeUndefined()
  expect(whyNotReachable('::ffff:10.1.2.3', egress)).toBeUndefined()
  expect(whyNotReachable('fd00:1::5', egress)).toBeUndefined()
  expect(whyNotReachable('10.2.0.1', egress)).toBe('private')
  expect(whyNotReachable('fd00:2::5', egress)).toBe('uniqueLocal')
})

describe('a URL that webhooks must not go to is refused', () => {
  test.each([
    ['not a url', 'absolute URL'],
    ['/hook', 'absolute URL'],
    [`https://example.com/${'a'.repeat(2_048)}`, 'at most 2048'],
    [`https://example.com/${'ä'.repeat(500)}`, 'at most 2048'],
    ['ftp://example.com/', 'https://'],
    ['file:///etc/passwd', 'https://'],
    ['https://user@example.com/', 'user name'],
    ['https://:secret@example.com/', 'user name'],
    ['https://example.com:22/', 'port'],
    ['https://example.com:6379/', 'port'],
    ['https://127.0.0.1/', 'public address'],
    ['https://127.1/', 'public address'],
    ['https://2130706433/', 'public address'],
    ['https://0x7f000001/', 'public address'],
    ['https://0x7f.0.0.1/', 'public address'],
    ['https://0177.0.0.1/', 'public address'],
    ['https://017700000001/', 'public address'],
    ['https://%31%32%37.0.0.1/', 'public address'],
    ['https://１２７.0.0.1/', 'public address'],
    ['https://0/', 'public address'],
    ['https://[::1]/', 'public address'],
    ['https://[::ffff:127.0.0.1]/', 'public address'],
    ['https://[::ffff:7f00:1]/', 'public address'],
    ['https://[64:ff9b::127.0.0.1]/', 'public address'],
    ['https://169.254.169.254/latest/meta-data', 'public address'],
    ['https://10.0.0.1:8443/', 'public address'],
  ])('%s', (url, reason) => {
    expect(() => checkUrl(url, PUBLIC_EGRESS)).toThrow(
      expect.objectContaining({ code: 'INVALID_ENDPOINT', field: 'url' }),
    )
    expect(() => checkUrl(url, PUBLIC_EGRESS)).toThrow(reason)
  })
})

test('plain http is refused unless it is allowed', () => {
  expect(() => checkUrl('http://example.com/hook', PUBLIC_EGRESS)).toThrow('https://')
  expect(checkUrl('http://example.com/hook', OPEN)).toBe('http://example.com/hook')
})

test('what passes is brought into its normal form', () => {
  expect(checkUrl('HTTPS://Example.COM:443/a?b=c#d', PUBLIC_EGRESS)).toBe('https://example.com/a?b=c')
  expect(checkUrl('https://[2606:4700::1111]:8443/', PUBLIC_EGRESS)).toBe('https://[2606:4700::1111]:8443/')
})
