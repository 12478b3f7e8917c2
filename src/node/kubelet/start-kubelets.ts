import { mkdir, readFile } from 'node:fs/promises'
import { pods } from '../../base/api/kinds.ts'
import type { Pod } from '../../base/api/generated/types.ts'
import type { Client } from '../../base/client/client.ts'
import { createEventRecorder } from '../../base/client/events.ts'
import type { Informer } from '../../base/client/informer-contract.ts'
import { createInformer } from '../../base/client/informer.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import type { ImageStore } from '../images/image-store.ts'
import type { ContainerRuntime } from '../runtime/runtime.ts'
import { KeyedBackoff } from '../../base/lib/backoff.ts'
import { Kubelet } from './kubelet.ts'
import type { NodeConfig } from './node-config.ts'
import { cutPower, removeRemains } from './node-power.ts'
import type { NodeContext } from './node-context.ts'
import { resourcesOf } from './node-object.ts'
import { registerNode } from './node-registration.ts'
import { parseResolvConf } from './pod-files.ts'
import type { PodWorker } from './pod-worker.ts'
import { ServiceAccountTokens } from './service-account-tokens.ts'
import { SharedReferences } from './shared-references.ts'
import type { Part } from './static-pods/part.ts'
import { VolumeAttachments, type VolumePathOf } from './volumes/claim-volumes.ts'

/** The nodes of one agent, as somebody wants them to be. What is in neither list is no node any more. */
export interface LocalNodes {
  readonly running: readonly NodeConfig[]
  /** By name. Their containers are dead and nobody speaks for them; what they had on disk waits for them. */
  readonly stopped: readonly string[]
}

export interface StartKubeletsOptions {
  readonly nodes: LocalNodes
  /** The identity `system:node:NAME`. */
  readonly clientFor: (nodeName: string) => Client
  /** For the watches that all nodes share: Pods, Services and, once asked for, ConfigMaps and Secrets. */
  readonly sharedClient: Client
  readonly runtime: ContainerRuntime
  readonly images: ImageStore
  /** Holds `pods/` (volumes, managed files) and `logs/`. */
  readonly directory: string
  /** Where the volumes of Knarr's own provisioner are. Default: nowhere, a Pod with one waits. */
  readonly volumePathOf?: VolumePathOf
  /** Resolves when Services send no new connections to a Pod that ends. Default: nobody sends any. */
  readonly withdrawn?: NodeContext['withdrawn']
  /** Processes that the nodes show as static Pods. */
  readonly parts?: readonly Part[]
  readonly clusterDNS: string
  readonly clusterDomain: string
  /** The machine's resolver, for `dnsPolicy: Default`; `/etc/resolv.conf` unless told. */
  readonly resolvConfPath?: string
  readonly clock: Clock
  readonly log: Log
  /** Ends the loops. Containers go on running, for the next agent to adopt. */
  readonly signal: AbortSignal
}

export interface Kubelets {
  /** Of the nodes that run now. */
  readonly kubelets: readonly Kubelet[]
  /** By namespace and name, on whichever node it is. */
  findPod(namespace: string, name: string): { readonly worker: PodWorker; readonly kubelet: Kubelet } | undefined
  /** The process that a mirror Pod shows. */
  findPart(namespace: string, name: string): Part | undefined
  pods(): readonly Pod[]
  /**
   * Starts and stops nodes until they are what is asked for; safe to repeat. A node that stops gets no farewell: its
   * containers are killed, and the API hears no more of it. Resolves when the started ones are registered and Ready.
   */
  follow(nodes: LocalNodes): Promise<void>
  /** Resolves when every loop has ended; call it after the abort. */
  close(): Promise<void>
}

/** Registers the nodes and runs their Pods. Resolves when every node is registered and Ready and its running containers are adopted. */
export const startKubelets = async (options: StartKubeletsOptions): Promise<Kubelets> => {
  await mkdir(options.directory, { recursive: true, mode: 0o755 })
  const hostResolver = parseResolvConf(await readFile(options.resolvConfPath ?? '/etc/resolv.conf', 'utf8').catch(() => ''))
  const kubelets = new RunningKubelets(options, hostResolver)
  await kubelets.follow(options.nodes)
  return kubelets
}

class RunningKubelets implements Kubelets {
  readonly #options: StartKubeletsOptions
  readonly #hostResolver: NodeContext['hostResolver']
  readonly #shared: SharedReferences
  readonly #attachments = new VolumeAttachments()
  readonly #pods: Informer<Pod>
  readonly #byNode = new Map<string, { readonly kubelet: Kubelet; readonly off: AbortController }>()
  readonly #bySandbox: NodeContext['bySandbox'] = new Map()
  readonly #unsubscribe: () => void
  #following: Promise<void> = Promise.resolve()

  constructor(options: StartKubeletsOptions, hostResolver: NodeContext['hostResolver']) {
    const { sharedClient: client, clock, log, signal } = options
    this.#options = options
    this.#hostResolver = hostResolver
    this.#shared = new SharedReferences({
      client,
      clock,
      log,
      signal,
      onChange: (kind, key) => {
        const [namespace = '', name = ''] = key.split('/')
        for (const kubelet of this.kubelets) kubelet.refresh(kind, namespace, name)
      },
    })
    this.#unsubscribe = options.runtime.onContainerChange((_, sandboxId) => this.#bySandbox.get(sandboxId)?.wake())
    this.#pods = createInformer(client, pods, { clock, log, signal })
    this.#pods.onChange(({ old, object }) => {
      if (old && old.metadata.uid !== object?.metadata.uid) this.#kubeletOf(old)?.lose(old.metadata.uid)
      if (object) this.#kubeletOf(object)?.see(object)
    })
  }

  get kubelets(): readonly Kubelet[] {
    return [...this.#byNode.values()].map(({ kubelet }) => kubelet)
  }

  findPod(namespace: string, name: string): { readonly worker: PodWorker; readonly kubelet: Kubelet } | undefined {
    return this.kubelets.flatMap((kubelet) => {
      const worker = kubelet.find(namespace, name)
      return worker ? [{ kubelet, worker }] : []
    })[0]
  }

  findPart(namespace: string, name: string): Part | undefined {
    return this.kubelets.map((kubelet) => kubelet.mirrors.find(namespace, name)).find((part) => part !== undefined)
  }

  pods(): Pod[] {
    return this.kubelets.flatMap((kubelet) => kubelet.pods())
  }

  follow(nodes: LocalNodes): Promise<void> {
    const turn = this.#following.catch(() => undefined).then(() => this.#follow(nodes))
    this.#following = turn
    return turn
  }

  async close(): Promise<void> {
    this.#unsubscribe()
    await Promise.allSettled(this.kubelets.map((kubelet) => kubelet.close()))
  }

  async #follow({ running, stopped }: LocalNodes): Promise<void> {
    const { runtime } = this.#options
    const names = new Set(running.map(({ name }) => name))
    await Promise.all([...this.#byNode.keys()].filter((name) => !names.has(name)).map((name) => this.#stop(name)))
    await cutPower(runtime, (node) => !names.has(node))
    await removeRemains(runtime, (node) => !names.has(node) && !stopped.includes(node))
    await Promise.all(running.filter(({ name }) => !this.#byNode.has(name)).map((config) => this.#start(config)))
  }

  async #start(config: NodeConfig): Promise<void> {
    const off = new AbortController()
    const kubelet = new Kubelet(this.#contextOf(config, AbortSignal.any([this.#options.signal, off.signal])), this.#options.parts)
    const itsPods = () => this.#pods.list().filter((pod) => pod.spec.nodeName === config.name)
    await Promise.all([this.#pods.synced, registerNode(kubelet.context)])
    await kubelet.start(itsPods())
    this.#byNode.set(config.name, { kubelet, off })
    // What changed while it took over what runs.
    const known = new Set(itsPods().map((pod) => pod.metadata.uid))
    for (const { metadata } of kubelet.pods()) if (!known.has(metadata.uid)) kubelet.lose(metadata.uid)
    for (const pod of itsPods()) kubelet.see(pod)
  }

  async #stop(name: string): Promise<void> {
    const node = this.#byNode.get(name)
    this.#byNode.delete(name)
    node?.off.abort()
    await node?.kubelet.close()
    this.#attachments.detach((mounter) => mounter.node === name)
  }

  #kubeletOf(pod: Pod): Kubelet | undefined {
    return this.#byNode.get(pod.spec.nodeName ?? '')?.kubelet
  }

  #contextOf(config: NodeConfig, signal: AbortSignal): NodeContext {
    const { clock, log, runtime, images, directory, clusterDNS, clusterDomain } = this.#options
    const client = this.#options.clientFor(config.name)
    return {
      config,
      client,
      clock,
      signal,
      runtime,
      images,
      directory,
      clusterDNS,
      clusterDomain,
      attachments: this.#attachments,
      volumePathOf: this.#options.volumePathOf ?? noVolumes,
      withdrawn: this.#options.withdrawn ?? (() => Promise.resolve()),
      shared: this.#shared,
      hostResolver: this.#hostResolver,
      log: log.child({ node: config.name }),
      recorder: createEventRecorder({ client, clock, log, component: 'kubelet', host: config.name }),
      references: this.#shared.forNode(client),
      bySandbox: this.#bySandbox,
      tokens: new ServiceAccountTokens({ clock }),
      restartBackoff: new KeyedBackoff({ initialMs: 10_000, maxMs: 300_000 }),
      imageBackoff: new KeyedBackoff({ initialMs: 10_000, maxMs: 300_000 }),
      allocatable: resourcesOf(config.capacity),
    }
  }
}

const noVolumes: VolumePathOf = (handle) => {
  throw new Error(`this node has no volume "${handle}"`)
}
