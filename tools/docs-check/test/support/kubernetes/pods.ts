import { partialDeepStrictEqual } from 'node:assert'
import type { IContainer } from 'kubernetes-models/v1'
import { apiProgram, migrateProgram, operationsOf, workerProgram } from '../../../src/programs.ts'
import { variablesRead } from '../variables.ts'
import { containersOf, environmentOf, nameOf, podOf, workloadsOf, type Manifest } from './manifests.ts'

/** The programs of the image, by the name of their container. */
export const PROGRAMS = {
  api: { read: variablesRead(apiProgram), graceMs: apiProgram.settings.graceMs.fallback },
  worker: { read: variablesRead(workerProgram), graceMs: workerProgram.settings.graceMs.fallback },
  migrate: { read: variablesRead(migrateProgram), graceMs: 0 },
} as const

export type ProgramName = keyof typeof PROGRAMS

/** Whether a container runs a program of this repository. */
export const isProgram = (name: string): name is ProgramName => name in PROGRAMS

/** What a process takes to stop after its grace period, in milliseconds. */
const CLOSE_MS = 10_000

/** What proxies take to notice that a pod is going, in milliseconds. */
const NOTICE_MS = 5_000

/** Returns faults of an object with its name. */
export function reportAbout(manifest: Manifest, faults: readonly string[]) {
  return faults.map((fault) => `${nameOf(manifest)}: ${fault}`)
}

/** The health port that a container is given, and the probes that ask it. */
export function findProbeFaults(manifests: readonly Manifest[]): string[] {
  return workloadsOf(manifests).flatMap((workload) =>
    containersOf(workload).flatMap((container) => {
      const { name, readinessProbe } = container
      if (workload.kind === 'Job') return []
      if (!isProgram(name))
        return reportAbout(workload, readinessProbe === undefined ? ['has no readiness probe'] : [])
      const environment = environmentOf(manifests, container)
      return reportAbout(workload, [
        ...findPortFaults(container, environment),
        ...findPathFaults(container),
        // Only the API waits for PostgreSQL before it opens its health port.
        ...(name === 'api' ? findHasteFaults(container, environment) : []),
      ])
    }),
  )
}

type Environment = Readonly<Record<string, string>>

function findPortFaults({ ports = [] }: IContainer, { HEALTH_PORT, HEALTH_HOST }: Environment) {
  const isOpen = ports.some((it) => it.name === 'health' && it.containerPort === Number(HEALTH_PORT))
  return [
    ...(HEALTH_HOST === '0.0.0.0' ? [] : ['serves its health port to itself only']),
    ...(isOpen ? [] : [`has no port health ${HEALTH_PORT}`]),
  ]
}

function findPathFaults({ startupProbe, livenessProbe, readinessProbe }: IContainer) {
  const served = operationsOf({ sendsWebhooks: false, readsGateways: false }).map(({ path }) => path)
  const expected = [
    [startupProbe, '/healthz'],
    [livenessProbe, '/healthz'],
    [readinessProbe, '/readyz'],
  ] as const
  return expected
    .filter(([probe, path]) => !isLike(probe?.httpGet, { port: 'health', path }) || !served.includes(path))
    .map(([, path]) => `has a probe that does not ask the port health for ${path}`)
}

function findHasteFaults({ startupProbe }: IContainer, { CONNECT_TIMEOUT_MS }: Environment) {
  const { periodSeconds = 10, failureThreshold = 3 } = startupProbe ?? {}
  const isHasty = periodSeconds * failureThreshold * 1_000 <= Number(CONNECT_TIMEOUT_MS)
  return isHasty ? ['is restarted before CONNECT_TIMEOUT_MS is over'] : []
}

/** A program has the time that it takes to stop. */
export function findStopFaults(manifests: readonly Manifest[]): string[] {
  return workloadsOf(manifests).flatMap((workload) =>
    containersOf(workload).flatMap((container) => {
      const { name } = container
      if (!isProgram(name)) return []
      const environment = environmentOf(manifests, container)
      const drainMs =
        name === 'api' ? Number(environment['DRAIN_MS'] ?? apiProgram.settings.drainMs.fallback) : 0
      const graceMs = Number(environment['SHUTDOWN_GRACE_MS'] ?? PROGRAMS[name].graceMs)
      const givenMs = (podOf(workload).spec?.terminationGracePeriodSeconds ?? 30) * 1_000
      const faults = givenMs < drainMs + graceMs + CLOSE_MS ? ['is killed before it has stopped'] : []
      if (name === 'api' && drainMs < NOTICE_MS) faults.push('refuses connections that proxies still send')
      return reportAbout(workload, faults)
    }),
  )
}

/** Whether a value has at least the members of another. */
function isLike(value: unknown, members: object) {
  try {
    partialDeepStrictEqual(value, members)
    return true
  } catch {
    return false
  }
}

const POD = {
  automountServiceAccountToken: false,
  // Variables about Services, which a setting could be taken for.
  enableServiceLinks: false,
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
}
const CONTAINER = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
}

/** No pod may do more than its program needs. */
export function findRights(manifests: readonly Manifest[]): string[] {
  return workloadsOf(manifests).flatMap((workload) => {
    const { spec } = podOf(workload)
    const isNamed = Number(spec?.securityContext?.runAsUser) > 0
    const ofPod = isLike(spec, POD) && isNamed ? [] : ['runs as a user with rights that it does not need']
    return reportAbout(workload, [...ofPod, ...containersOf(workload).flatMap(findContainerRights)])
  })
}

function findContainerRights({ securityContext, resources = {}, image = '' }: IContainer) {
  const { requests = {}, limits = {} } = resources
  const isBounded = [requests['cpu'], requests['memory'], limits['memory']].every((it) => it !== undefined)
  return [
    ...(isLike(securityContext, CONTAINER) ? [] : ['has rights that it does not need']),
    ...(isBounded ? [] : ['has no resources']),
    ...(/:v?\d+\.\d+/.test(image) ? [] : [`runs ${image} of any version`]),
  ]
}
