import {
  containersOf,
  environmentOf,
  nameOf,
  ofKind,
  podOf,
  selects,
  workloadsOf,
  type Manifest,
  type Workload,
} from './manifests.ts'

type Port = string | number

/** Returns the ports of a workload, by name and by number. */
export function portsOf(workload: Workload): ReadonlySet<Port> {
  const ports = containersOf(workload).flatMap(({ ports: own = [] }) => own)
  return new Set(ports.flatMap(({ name = '', containerPort }) => [name, containerPort]))
}

/** Everything is denied but what is listed; what is listed exists, and the stores of the URLs are reached. */
export function findNetworkFaults(manifests: readonly Manifest[]): string[] {
  return [
    ...findOpenDoors(manifests),
    ...findIdlePolicies(manifests),
    ...findUnreachableStores(manifests),
    ...findClosedServers(manifests),
  ]
}

/** Returns the policies that apply to a pod, without the one that denies. */
function policiesFor(manifests: readonly Manifest[], workload: Workload) {
  const labels = podOf(workload).metadata?.labels
  return ofKind(manifests, 'NetworkPolicy').filter(({ spec }) => selects(spec?.podSelector ?? {}, labels))
}

function findOpenDoors(manifests: readonly Manifest[]) {
  const denies = ofKind(manifests, 'NetworkPolicy').some(
    ({ spec }) =>
      Object.keys(spec?.podSelector ?? {}).length === 0 &&
      spec?.policyTypes?.join() === 'Ingress,Egress' &&
      spec.ingress === undefined &&
      spec.egress === undefined,
  )
  return denies ? [] : ['no NetworkPolicy denies what is not listed']
}

/** A policy that selects nothing, or names a port that its pods lack, opens nothing. */
function findIdlePolicies(manifests: readonly Manifest[]) {
  return ofKind(manifests, 'NetworkPolicy').flatMap((policy) => {
    const { podSelector = {}, ingress = [] } = policy.spec ?? {}
    const pods = workloadsOf(manifests).filter((it) => selects(podSelector, podOf(it).metadata?.labels))
    if (pods.length === 0) return [`${nameOf(policy)}: selects nothing`]
    const ports = new Set(pods.flatMap((pod) => [...portsOf(pod)]))
    return ingress
      .flatMap((rule) => rule.ports ?? [])
      .filter(({ port = '' }) => !ports.has(port))
      .map(({ port }) => `${nameOf(policy)}: opens the port ${port}, which no container has`)
  })
}

/** Returns the ports of the servers that a URL names, such as `postgres://u:p@a:1,b:2/db`. */
function portsOfUrl(url: string): number[] {
  const scheme = /^([\w+]+):/.exec(url)?.[1] ?? ''
  const usual = scheme === 'postgres' ? 5432 : scheme.endsWith('+sentinel') ? 26_379 : 6379
  const hosts = /^[\w+]+:\/\/(?:[^@/]*@)?([^/?]+)/.exec(url)?.[1]?.split(',') ?? []
  // What a Sentinel names is a Redis.
  const named = scheme.endsWith('+sentinel') ? [6379] : []
  return [...hosts.map((host) => Number(/:(\d+)$/.exec(host)?.[1] ?? usual)), ...named]
}

function findUnreachableStores(manifests: readonly Manifest[]) {
  return workloadsOf(manifests).flatMap((workload) => {
    const open = policiesFor(manifests, workload)
      .flatMap(({ spec }) => spec?.egress ?? [])
      .filter(({ to }) => to === undefined)
      .flatMap(({ ports = [] }) => ports.map(({ port }) => port))
    const urls = containersOf(workload).flatMap((container) => {
      const { DATABASE_URL = '', REDIS_URL = '' } = environmentOf(manifests, container)
      return [DATABASE_URL, REDIS_URL].filter((url) => url !== '')
    })
    return [...new Set(urls.flatMap(portsOfUrl))]
      .filter((port) => !open.includes(port))
      .map((port) => `${nameOf(workload)}: may not reach its store at the port ${port}`)
  })
}

/** A server in the cluster takes connections at each of its ports. */
function findClosedServers(manifests: readonly Manifest[]) {
  return workloadsOf(manifests).flatMap((workload) => {
    const opened = policiesFor(manifests, workload)
      .flatMap(({ spec }) => spec?.ingress ?? [])
      .flatMap(({ ports = [] }) => ports.map(({ port }) => port ?? ''))
    return containersOf(workload)
      .flatMap(({ ports = [] }) => ports)
      .filter(({ name = '', containerPort }) => !opened.includes(name) && !opened.includes(containerPort))
      .map(({ name }) => `${nameOf(workload)}: no policy opens the port ${name}`)
  })
}
