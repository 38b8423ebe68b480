import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { IScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1'
import type { IServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import type { IDeployment, IStatefulSet } from 'kubernetes-models/apps/v1'
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2'
import type { IJob } from 'kubernetes-models/batch/v1'
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1'
import type {
  IConfigMap,
  IContainer,
  INamespace,
  IPodTemplateSpec,
  ISecret,
  IService,
  IServiceAccount,
} from 'kubernetes-models/v1'
import { parseAllDocuments } from 'yaml'
import { REPOSITORY } from '../../../src/repository.ts'

/** An object that an overlay renders. */
export type Manifest =
  | IConfigMap
  | IDeployment
  | IHorizontalPodAutoscaler
  | IJob
  | INamespace
  | INetworkPolicy
  | IPodDisruptionBudget
  | IScaledObject
  | ISecret
  | IService
  | IServiceAccount
  | IServiceMonitor
  | IStatefulSet

/** What runs pods. */
export type Workload = IDeployment | IJob | IStatefulSet

export type Labels = Readonly<Record<string, string>>

/** A selector of labels, in the form that all objects share. */
export interface Selector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values?: readonly string[]
  }[]
}

const KUBECTL = process.env['KUBECTL'] ?? 'kubectl'

/** Why nothing can be rendered on this machine; undefined when it can. */
export const CANNOT_RENDER: string | undefined = findObstacle()

function findObstacle() {
  const { error, stdout } = spawnSync(KUBECTL, ['version', '--client'], { encoding: 'utf8' })
  if (error !== undefined) return 'needs kubectl: set KUBECTL'
  return /^Kustomize Version: v[5-9]\./m.test(stdout)
    ? undefined
    : 'needs a kubectl with Kustomize 5 or newer'
}

/** Renders an overlay of `deploy/kubernetes` with its example secrets. */
export function renderOverlay(name: string): Manifest[] {
  const copy = mkdtempSync(join(tmpdir(), 'titan-kubernetes-'))
  try {
    cpSync(fileURLToPath(new URL('deploy/kubernetes', REPOSITORY)), copy, { recursive: true })
    const folder = join(copy, 'overlays', name)
    for (const file of readdirSync(folder).filter((entry) => entry.startsWith('example-')))
      copyFileSync(join(folder, file), join(folder, file.slice('example-'.length)))
    const text = execFileSync(KUBECTL, ['kustomize', folder], { encoding: 'utf8' })
    return parseAllDocuments(text).map((document) => unfold(document.toJS() as Manifest))
  } finally {
    rmSync(copy, { recursive: true })
  }
}

/** Kustomize folds long secrets, which Kubernetes ignores and the schema does not. */
function unfold(manifest: Manifest): Manifest {
  if (manifest.kind !== 'Secret') return manifest
  const data = Object.entries(manifest.data ?? {}).map(([key, value]) => [key, value.replaceAll('\n', '')])
  return { ...manifest, data: Object.fromEntries(data) as Record<string, string> }
}

/** Returns the objects of one kind. */
export function ofKind<Kind extends Manifest['kind']>(manifests: readonly Manifest[], kind: Kind) {
  return manifests.filter((it): it is Extract<Manifest, { kind: Kind }> => it.kind === kind)
}

/** Returns what runs pods. */
export function workloadsOf(manifests: readonly Manifest[]): Workload[] {
  return [
    ...ofKind(manifests, 'Deployment'),
    ...ofKind(manifests, 'StatefulSet'),
    ...ofKind(manifests, 'Job'),
  ]
}

/** Names an object in a message. */
export function nameOf({ kind, metadata }: Manifest) {
  return `${kind} ${metadata?.name}`
}

/** Returns the pods of a workload. */
export function podOf(workload: Workload): IPodTemplateSpec {
  return workload.spec?.template ?? {}
}

/** Returns the containers of a workload. */
export function containersOf(workload: Workload): readonly IContainer[] {
  return podOf(workload).spec?.containers ?? []
}

/** Whether a selector takes an object with these labels. */
export function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels = {}) {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      if (operator !== 'In') throw new Error(`the operator ${operator} is not known here`)
      return values.includes(labels[key] ?? '')
    })
  )
}

/** Returns how many replicas a workload has at least and at most, without those of an update. */
export function replicasOf(manifests: readonly Manifest[], { metadata, spec }: IDeployment | IStatefulSet) {
  const name = metadata?.name
  const scaler = ofKind(manifests, 'HorizontalPodAutoscaler').find(
    (it) => it.spec?.scaleTargetRef.name === name,
  )
  if (scaler?.spec !== undefined) return [scaler.spec.minReplicas ?? 1, scaler.spec.maxReplicas] as const
  const scaled = ofKind(manifests, 'ScaledObject').find((it) => it.spec.scaleTargetRef.name === name)
  if (scaled !== undefined)
    return [scaled.spec.minReplicaCount ?? 0, scaled.spec.maxReplicaCount ?? 100] as const
  const { replicas = 1 } = spec ?? {}
  return [replicas, replicas] as const
}

/** Returns the variables that a container gets. What they refer to must exist. */
export function environmentOf(manifests: readonly Manifest[], { env = [], envFrom = [] }: IContainer) {
  const whole = envFrom.map(({ configMapRef, secretRef }) =>
    Object.entries(dataOf(manifests, (configMapRef ?? secretRef)?.name ?? '') ?? {}),
  )
  const single = env.map(({ name, value = '', valueFrom }) => {
    const { name: secret = '', key = '' } = valueFrom?.secretKeyRef ?? {}
    return [name, dataOf(manifests, secret)?.[key] ?? value] as const
  })
  return Object.fromEntries([...whole.flat(), ...single]) as Record<string, string>
}

/** Returns what a ConfigMap or Secret holds; undefined when there is none of that name. */
export function dataOf(manifests: readonly Manifest[], name: string): Record<string, string> | undefined {
  const config = ofKind(manifests, 'ConfigMap').find(({ metadata }) => metadata?.name === name)
  if (config !== undefined) return config.data ?? {}
  const secret = ofKind(manifests, 'Secret').find(({ metadata }) => metadata?.name === name)
  if (secret === undefined) return undefined
  return Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString('utf8'),
    ]),
  )
}
