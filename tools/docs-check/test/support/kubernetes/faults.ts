import { readCommandLine } from '@titan/service'
import { apiProgram, migrateProgram, workerProgram } from '../../../src/programs.ts'
import {
  containersOf,
  dataOf,
  environmentOf,
  ofKind,
  podOf,
  replicasOf,
  selects,
  workloadsOf,
  type Manifest,
} from './manifests.ts'
import { findNetworkFaults, portsOf } from './network.ts'
import {
  findProbeFaults,
  findRights,
  findStopFaults,
  isProgram,
  PROGRAMS,
  reportAbout,
  type ProgramName,
} from './pods.ts'

/** Returns what is wrong with the objects of an overlay, as they relate to each other and to the programs. */
export function findFaults(manifests: readonly Manifest[]): string[] {
  const rules = [
    findEnvironmentFaults,
    findDanglingReferences,
    findPortFaults,
    findProbeFaults,
    findDisruptionFaults,
    findUpdateFaults,
    findStopFaults,
    findRights,
    findNetworkFaults,
  ]
  return rules.flatMap((rule) => rule(manifests))
}

/** Each program reads what it is given, and takes it. */
function findEnvironmentFaults(manifests: readonly Manifest[]) {
  const all = new Set(Object.values(PROGRAMS).flatMap(({ read }) => [...read]))
  return workloadsOf(manifests).flatMap((workload) =>
    containersOf(workload).flatMap((container) => {
      const { name, args = [] } = container
      if (!isProgram(name)) return []
      const environment = environmentOf(manifests, container)
      // API and workers share their settings, so each may get those of the other.
      const read = name === 'migrate' ? PROGRAMS.migrate.read : all
      const unread = Object.keys(environment).filter((variable) => !read.has(variable))
      return reportAbout(workload, [
        ...unread.map((variable) => `no program reads ${variable}`),
        ...settingFaults(name, args, environment),
      ])
    }),
  )
}

function settingFaults(name: ProgramName, args: readonly string[], environment: Record<string, string>) {
  const own = args.slice(name === 'migrate' ? 1 : 0)
  const read = {
    api: () => readCommandLine(apiProgram, own, environment),
    worker: () => readCommandLine(workerProgram, own, environment),
    migrate: () => readCommandLine(migrateProgram, own, environment),
  }[name]()
  return 'faults' in read ? read.faults.map(String) : []
}

/** ConfigMaps, Secrets and their keys, accounts, volumes and targets of autoscalers exist. */
function findDanglingReferences(manifests: readonly Manifest[]) {
  const accounts = ofKind(manifests, 'ServiceAccount').map(({ metadata }) => metadata?.name)
  const workloads = workloadsOf(manifests)
  const targets = [
    ...ofKind(manifests, 'HorizontalPodAutoscaler').map((it) => [it, it.spec?.scaleTargetRef.name] as const),
    ...ofKind(manifests, 'ScaledObject').map((it) => [it, it.spec.scaleTargetRef.name] as const),
  ]
  return [
    ...workloads.flatMap((workload) => {
      const { serviceAccountName: account, volumes = [] } = podOf(workload).spec ?? {}
      const claims = workload.kind === 'StatefulSet' ? (workload.spec?.volumeClaimTemplates ?? []) : []
      const mountable = [...volumes.map(({ name }) => name), ...claims.map(({ metadata }) => metadata?.name)]
      const missing = containersOf(workload).flatMap(({ env = [], envFrom = [], volumeMounts = [] }) => [
        ...envFrom
          .map(({ configMapRef, secretRef }) => (configMapRef ?? secretRef)?.name ?? '')
          .filter((name) => dataOf(manifests, name) === undefined),
        ...env.flatMap(({ valueFrom }) => {
          const { name = '', key = '' } = valueFrom?.secretKeyRef ?? {}
          return valueFrom === undefined || dataOf(manifests, name)?.[key] !== undefined
            ? []
            : `${name}.${key}`
        }),
        ...volumeMounts.map(({ name }) => name).filter((name) => !mountable.includes(name)),
      ])
      if (account !== undefined && !accounts.includes(account)) missing.push(account)
      return reportAbout(
        workload,
        missing.map((name) => `refers to ${name}, which does not exist`),
      )
    }),
    ...targets.flatMap(([scaler, target]) =>
      workloads.some(({ metadata }) => metadata?.name === target)
        ? []
        : reportAbout(scaler, [`scales ${target}, which does not exist`]),
    ),
  ]
}

/** Services lead to ports of pods, and Prometheus to ports of Services. */
function findPortFaults(manifests: readonly Manifest[]) {
  const services = ofKind(manifests, 'Service')
  return [
    ...services.flatMap((service) => {
      const { selector = {}, ports = [] } = service.spec ?? {}
      const pods = workloadsOf(manifests).filter((it) =>
        selects({ matchLabels: selector }, podOf(it).metadata?.labels),
      )
      if (pods.length !== 1) return reportAbout(service, [`selects ${pods.length} workloads`])
      const absent = ports.filter(
        ({ targetPort }) => !pods.every((pod) => portsOf(pod).has(targetPort ?? '')),
      )
      return reportAbout(
        service,
        absent.map(({ targetPort }) => `leads to the port ${targetPort}, which no container has`),
      )
    }),
    ...ofKind(manifests, 'ServiceMonitor').flatMap((monitor) => {
      const { selector, endpoints } = monitor.spec
      const scraped = services.filter(({ metadata }) => selects(selector, metadata?.labels))
      const faults = scraped.length < 2 ? [`selects ${scraped.length} Services`] : []
      for (const { spec } of scraped)
        for (const { port, path } of endpoints)
          if (path !== '/metrics' || !spec?.ports?.some(({ name }) => name === port))
            faults.push(`scrapes ${path} at the port ${port}`)
      return reportAbout(monitor, faults)
    }),
  ]
}

/** A drained node leaves at least one pod of each program, and no program has a single one. */
function findDisruptionFaults(manifests: readonly Manifest[]) {
  const budgets = ofKind(manifests, 'PodDisruptionBudget')
  const programs = ofKind(manifests, 'Deployment')
  return [
    ...programs.flatMap((workload) => {
      const its = budgets.filter(({ spec }) =>
        selects(spec?.selector ?? {}, podOf(workload).metadata?.labels),
      )
      if (its.length !== 1) return reportAbout(workload, [`has ${its.length} disruption budgets`])
      const [replicas] = replicasOf(manifests, workload)
      const evicted = Number(its[0]?.spec?.maxUnavailable)
      return evicted > 0 && evicted < replicas
        ? []
        : reportAbout(workload, [`may lose ${evicted} of ${replicas} pods to a drain`])
    }),
    ...budgets.flatMap((budget) =>
      programs.some((it) => selects(budget.spec?.selector ?? {}, podOf(it).metadata?.labels))
        ? []
        : reportAbout(budget, ['selects nothing']),
    ),
  ]
}

/** An update takes no pod away before its successor is ready, and pods spread over nodes and zones. */
function findUpdateFaults(manifests: readonly Manifest[]) {
  return ofKind(manifests, 'Deployment').flatMap((workload) => {
    const faults: string[] = []
    const labels = podOf(workload).metadata?.labels
    const { selector, strategy } = workload.spec ?? {}
    if (!selects(selector ?? {}, labels)) faults.push('does not select its own pods')
    if (strategy?.rollingUpdate?.maxUnavailable !== 0) faults.push('has fewer pods during an update')
    const spread = podOf(workload).spec?.topologySpreadConstraints ?? []
    const keys = spread.filter((it) => selects(it.labelSelector ?? {}, labels)).map((it) => it.topologyKey)
    for (const key of ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'])
      if (!keys.includes(key)) faults.push(`does not spread over ${key}`)
    return reportAbout(workload, faults)
  })
}
