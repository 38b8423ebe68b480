import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readRepository } from '../src/repository.ts'
import { findFaults } from './support/kubernetes/faults.ts'
import {
  CANNOT_RENDER,
  containersOf,
  environmentOf,
  ofKind,
  podOf,
  renderOverlay,
  replicasOf,
  workloadsOf,
  type Manifest,
} from './support/kubernetes/manifests.ts'
import { findSchemaFaults } from './support/kubernetes/schemas.ts'

const OVERLAYS = ['one-machine', 'sentinel', 'cluster'] as const

/** Connections of a process beyond its pool: lists, dashboard, metrics and webhooks. */
const OTHER_CONNECTIONS = 8

/** A fault, and what is said about it. */
interface PlantedFault {
  readonly what: string
  readonly said: string | RegExp
  plant(manifests: Manifest[]): void
}

/** Returns the only Deployment of that name. */
function deployment(manifests: readonly Manifest[], name: string) {
  const found = ofKind(manifests, 'Deployment').find(({ metadata }) => metadata?.name === name)
  if (found === undefined) throw new Error(`no Deployment ${name}`)
  return found
}

function container(manifests: readonly Manifest[], name: string) {
  const [first] = containersOf(deployment(manifests, name))
  if (first === undefined) throw new Error(`no container in ${name}`)
  return first
}

function drop(manifests: Manifest[], kind: Manifest['kind'], name: string) {
  manifests.splice(
    manifests.findIndex((it) => it.kind === kind && it.metadata?.name?.startsWith(name)),
    1,
  )
}

const PLANTED: readonly PlantedFault[] = [
  {
    what: 'a variable that no program reads',
    said: 'Deployment titan-worker: no program reads WORKER_CONCURENCY',
    plant: (all) => void (container(all, 'titan-worker').env = [{ name: 'WORKER_CONCURENCY', value: '8' }]),
  },
  {
    what: 'a value that the program refuses',
    said: /^Deployment titan-api: .*PORT/,
    plant: (all) => void (container(all, 'titan-api').env = [{ name: 'PORT', value: 'http' }]),
  },
  {
    what: 'a Secret that does not exist',
    said: /^Deployment titan-api: refers to titan-programs-\w+, which does not exist$/,
    plant: (all) => drop(all, 'Secret', 'titan-programs'),
  },
  {
    what: 'a ConfigMap that does not exist',
    said: /^Deployment titan-worker: refers to titan-settings-\w+, which does not exist$/,
    plant: (all) => drop(all, 'ConfigMap', 'titan-settings'),
  },
  {
    what: 'an account that does not exist',
    said: 'Job titan-migrate: refers to titan, which does not exist',
    plant: (all) => drop(all, 'ServiceAccount', 'titan'),
  },
  {
    what: 'an autoscaler of nothing',
    said: 'ScaledObject titan-worker: scales titan-workers, which does not exist',
    plant: (all) => void (ofKind(all, 'ScaledObject')[0]!.spec.scaleTargetRef.name = 'titan-workers'),
  },
  {
    what: 'a probe of a path that is not served',
    said: 'Deployment titan-api: has a probe that does not ask the port health for /readyz',
    plant: (all) => void (container(all, 'titan-api').readinessProbe!.httpGet!.path = '/ready'),
  },
  {
    what: 'another health port',
    said: 'Deployment titan-worker: has no port health 9465',
    plant: (all) => void (container(all, 'titan-worker').env = [{ name: 'HEALTH_PORT', value: '9465' }]),
  },
  {
    what: 'a startup probe that gives up before the program does',
    said: 'Deployment titan-api: is restarted before CONNECT_TIMEOUT_MS is over',
    plant: (all) => void (container(all, 'titan-api').startupProbe!.failureThreshold = 30),
  },
  {
    what: 'a Service whose selector matches no pod',
    said: 'Service titan-worker: selects 0 workloads',
    plant: (all) => void (podOf(deployment(all, 'titan-worker')).metadata!.labels = {}),
  },
  {
    what: 'a Service that leads to a port which no container has',
    said: 'Service titan-api: leads to the port http, which no container has',
    plant: (all) => void container(all, 'titan-api').ports!.shift(),
  },
  {
    what: 'metrics at a port that no Service has',
    said: 'ServiceMonitor titan: scrapes /metrics at the port metrics',
    plant: (all) => void (ofKind(all, 'ServiceMonitor')[0]!.spec.endpoints[0]!.port = 'metrics'),
  },
  {
    what: 'a drain that takes every pod',
    said: 'Deployment titan-api: may lose 2 of 2 pods to a drain',
    plant: (all) => void (ofKind(all, 'PodDisruptionBudget')[0]!.spec!.maxUnavailable = 2),
  },
  {
    what: 'an update that takes a pod away first',
    said: 'Deployment titan-api: has fewer pods during an update',
    plant: (all) => void (deployment(all, 'titan-api').spec!.strategy!.rollingUpdate!.maxUnavailable = 1),
  },
  {
    what: 'pods that need not spread',
    said: 'Deployment titan-worker: does not spread over kubernetes.io/hostname',
    plant: (all) => void podOf(deployment(all, 'titan-worker')).spec!.topologySpreadConstraints!.shift(),
  },
  {
    what: 'too little time to stop',
    said: 'Deployment titan-worker: is killed before it has stopped',
    plant: (all) =>
      void (container(all, 'titan-worker').env = [{ name: 'SHUTDOWN_GRACE_MS', value: '40000' }]),
  },
  {
    what: 'no time for proxies to notice a stop',
    said: 'Deployment titan-api: refuses connections that proxies still send',
    plant: (all) => void (container(all, 'titan-api').env = [{ name: 'DRAIN_MS', value: '0' }]),
  },
  {
    what: 'a root file system that can be written',
    said: 'Deployment titan-api: has rights that it does not need',
    plant: (all) => void delete container(all, 'titan-api').securityContext!.readOnlyRootFilesystem,
  },
  {
    what: 'a policy for pods that do not exist',
    said: 'NetworkPolicy titan-clients: selects nothing',
    plant(all) {
      const policy = ofKind(all, 'NetworkPolicy').find(({ metadata }) => metadata?.name === 'titan-clients')
      policy!.spec!.podSelector = { matchLabels: { app: 'titan-api' } }
    },
  },
  {
    what: 'no way to the Sentinels',
    said: 'Deployment titan-worker: may not reach its store at the port 26379',
    plant: (all) => drop(all, 'NetworkPolicy', 'titan-sentinels'),
  },
  {
    what: 'doors that stand open',
    said: 'no NetworkPolicy denies what is not listed',
    plant: (all) => drop(all, 'NetworkPolicy', 'titan-default-deny'),
  },
]

describe.skipIf(CANNOT_RENDER !== undefined)(
  `deploy/kubernetes${CANNOT_RENDER ? `, ${CANNOT_RENDER}` : ''}`,
  () => {
    const rendered = new Map<string, Manifest[]>()
    const render = (name: string) => {
      const manifests = rendered.get(name) ?? renderOverlay(name)
      rendered.set(name, manifests)
      return manifests
    }

    it('follows the published schemas, without a member that they lack', async () => {
      expect(await findSchemaFaults(OVERLAYS.flatMap(render))).toEqual([])
    })

    it('would not pass with a value or a member that they lack', async () => {
      const manifests = structuredClone(render('sentinel'))
      Object.assign(podOf(deployment(manifests, 'titan-api')).spec ?? {}, { dnsPolicy: 'Nowhere' })
      Object.assign(podOf(deployment(manifests, 'titan-worker')).spec ?? {}, { nodeSelectors: {} })
      expect(await findSchemaFaults(manifests)).toEqual([
        expect.stringContaining('Deployment titan-api: Error: data/spec/template/spec/dnsPolicy'),
        expect.stringMatching(/^Deployment titan-api: .*Nowhere/),
        expect.stringMatching(/^Deployment titan-worker: .*nodeSelectors/),
      ])
    })

    it.each(OVERLAYS)('holds together, and fits the programs: %s', (name) => {
      expect(findFaults(render(name))).toEqual([])
    })

    it.each(PLANTED)('would not pass with $what', ({ said, plant }) => {
      const manifests = structuredClone(render('sentinel'))
      plant(manifests)
      expect(findFaults(manifests)).toContainEqual(
        typeof said === 'string' ? said : expect.stringMatching(said),
      )
    })

    it.each(OVERLAYS)('runs images that the Dockerfile and the compose file name: %s', (name) => {
      const built = [...readRepository('Dockerfile').matchAll(/^#.* -t (\S+) \.$/gm)].map(([, tag]) => tag)
      const { services } = parse(readRepository('docker-compose.yml'), { merge: true }) as {
        readonly services: Readonly<Record<string, { readonly image?: string }>>
      }
      const known = [...built, services['postgres']?.image, services['redis']?.image]
      const images = workloadsOf(render(name)).flatMap((workload) => containersOf(workload))
      expect(built).toHaveLength(3)
      for (const { image = '' } of images)
        expect(known).toContain(known.includes(image) ? image : image.replace(/^.*\/|:[^:]+$/g, ''))
    })

    it('never scales the workers to none, and slowly back', () => {
      const scalers = ofKind(render('cluster'), 'ScaledObject')
      expect(scalers).toHaveLength(1)
      for (const { spec } of scalers) {
        expect(spec.minReplicaCount).toBeGreaterThanOrEqual(2)
        expect(spec).not.toHaveProperty('idleReplicaCount')
        const { behavior } = spec.advanced?.horizontalPodAutoscalerConfig ?? {}
        expect(behavior?.scaleDown?.stabilizationWindowSeconds).toBe(300)
      }
    })

    it('leaves PostgreSQL connections for every replica and those of an update', () => {
      const manifests = render('one-machine')
      const programs = ofKind(manifests, 'Deployment')
      const processes = programs.reduce((sum, it) => sum + replicasOf(manifests, it)[1] + 1, 0)
      const { DATABASE_POOL_SIZE: pool } = environmentOf(manifests, container(manifests, 'titan-api'))
      const args = ofKind(manifests, 'StatefulSet')
        .flatMap((it) => containersOf(it))
        .flatMap((it) => it.args ?? [])
      const limit = Number(/max_connections=(\d+)/.exec(args.join(' '))?.[1])
      const RESERVED = 3
      expect(processes * (Number(pool) + OTHER_CONNECTIONS)).toBeLessThanOrEqual(limit - RESERVED)
    })

    it('asks for no password in a file of the repository', () => {
      for (const name of OVERLAYS)
        for (const { metadata, data = {} } of ofKind(render(name), 'Secret'))
          for (const value of Object.values(data)) {
            const text = Buffer.from(value, 'base64').toString()
            expect(text, metadata?.name).toMatch(/OWNER_PASSWORD|APP_PASSWORD|REDIS_SECRET/)
          }
      for (const file of ['owner', 'programs', 'servers'])
        expect(readRepository('.gitignore')).toContain(`\ndeploy/kubernetes/overlays/*/${file}.env\n`)
    })
  },
)
