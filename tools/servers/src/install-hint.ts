import { readFileSync } from 'node:fs'

/** One sentence that says how to get a Redis on this platform. `osRelease` is the text of /etc/os-release. */
export function redisInstallHint(
  platform: NodeJS.Platform = process.platform,
  osRelease: string = readOsRelease(),
): string {
  const or = 'or set REDIS_URL=redis://host:6379 to use a server of yours.'
  if (platform === 'win32') {
    return `Start one with "docker run -d -p 127.0.0.1:6379:6379 redis:8" and set REDIS_URL=redis://127.0.0.1:6379, ${or}`
  }
  return `Install one with "${installCommand(platform, osRelease)}", ${or}`
}

function installCommand(platform: NodeJS.Platform, osRelease: string): string {
  if (platform === 'darwin') return 'brew install redis'
  const family = [...osRelease.matchAll(/^ID(?:_LIKE)?="?(?<names>[^"\n]*)"?$/gmu)].flatMap(
    ({ groups }) => groups?.['names']?.split(' ') ?? [],
  )
  const known = family.map((name) => COMMANDS[name]).find((command) => command !== undefined)
  return known ?? 'your package manager: redis or valkey'
}

const COMMANDS: Readonly<Record<string, string>> = {
  alpine: 'sudo apk add valkey',
  arch: 'sudo pacman -S valkey',
  debian: 'sudo apt-get install redis-server',
  fedora: 'sudo dnf install valkey',
  rhel: 'sudo dnf install redis',
  suse: 'sudo zypper install redis',
  ubuntu: 'sudo apt-get install redis-server',
}

function readOsRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8')
  } catch {
    return ''
  }
}
