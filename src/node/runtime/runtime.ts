/** The verbs of CRI v1, in TypeScript. The kubelet knows nothing else of how containers run. Every verb is safe to repeat. */
export interface ContainerRuntime {
  readonly name: 'process' | 'simulated' | 'cri'
  /** As in `status.nodeInfo.containerRuntimeVersion`: `knarr://0.1.0`. */
  readonly version: string
  /** Makes network, UTS and IPC namespaces, runs the Pod's network plug; returns with the sandbox ready. */
  runPodSandbox(config: SandboxConfig): Promise<string>
  /** Ends all its containers by force and releases its network; the record stays until removed. */
  stopPodSandbox(sandboxId: string): Promise<void>
  removePodSandbox(sandboxId: string): Promise<void>
  /** What is there, also after a restart of the agent: adopted sandboxes of this node; only the one if its id is given. */
  listPodSandboxes(sandboxId?: string): Promise<readonly Sandbox[]>
  /** The image must be present (`images`). */
  createContainer(sandboxId: string, config: ContainerConfig): Promise<string>
  startContainer(containerId: string): Promise<void>
  /** Stop signal, then SIGKILL after the grace period. Resolves when it has ended. */
  stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void>
  removeContainer(containerId: string): Promise<void>
  listContainers(sandboxId?: string): Promise<readonly RuntimeContainer[]>
  /** Called whenever a container's state changed (started, exited), and with no container id where its sandbox was lost. */
  onContainerChange(listener: (containerId: string, sandboxId: string) => void): () => void
  /** Runs a command in a running container and streams. */
  exec(containerId: string, options: ExecOptions): Promise<ExecSession>
  /** Joins the streams of a running container's own process; any number may be attached at once. */
  attach(containerId: string, options: { readonly stdin: boolean }): Promise<AttachSession>
  /** A runtime without processes answers probes and lifecycle hooks itself; where it is absent they reach the container. */
  answer?(containerId: string): Promise<{ readonly ok: boolean; readonly message: string }>
  /** A connection to a TCP port of a sandbox, on its address or its loopback. */
  portForward(sandboxId: string, port: number): Promise<import('node:stream').Duplex>
  /** What a running container has used; undefined where nothing is counted. */
  stats?(containerId: string): Promise<ContainerStats | undefined>
  close(): Promise<void>
}

/** As in CRI: the container's port is reached at the node's, at one address of it or at all. */
export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly containerPort: number
  readonly hostPort: number
  readonly hostIP?: string
}

export interface SandboxConfig {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly attempt: number
  readonly hostname: string
  readonly hostNetwork: boolean
  /** The nodes' name (three virtual nodes share one agent). */
  readonly node: string
  /** The Pod's address chosen from the node's podCIDR; absent for hostNetwork. */
  readonly logDirectory: string
  /** The Pod's control group, as `kubepods/burstable/pod<uid>`. */
  readonly cgroupParent: string
  /** Limits of that group: what all containers of the Pod have together. */
  readonly resources?: Resources
  /** Ports of the node that lead to the Pod's (`hostPort`). */
  readonly portMappings?: readonly PortMapping[]
  readonly sysctls: Readonly<Record<string, string>>
  /** Shares the node's IPC namespace and /dev/shm. */
  readonly hostIPC?: boolean
  /** Whose processes a container sees: its own (unless told), those of its Pod, or the node's. */
  readonly pidNamespace?: 'container' | 'pod' | 'node'
}

export interface Sandbox {
  readonly id: string
  readonly config: SandboxConfig
  readonly state: 'ready' | 'notready'
  readonly createdAtMs: number
  /** Absent for hostNetwork: the node's address holds. */
  readonly ip?: string
}

export interface MountConfig {
  readonly hostPath: string
  readonly containerPath: string
  readonly readOnly: boolean
}

export interface ContainerConfig {
  readonly name: string
  readonly attempt: number
  /** Image id as `ImageStore.resolve` gave it. */
  readonly imageId: string
  /** As the status names it: `name@sha256:…`, or the id of an image without a name. */
  readonly imageRef?: string
  readonly image: string
  /** The whole argument list, resolved from image and container spec. */
  readonly argv: readonly string[]
  readonly env: readonly (readonly [string, string])[]
  readonly workingDir: string
  readonly mounts: readonly MountConfig[]
  /** File that receives lines in the CRI log format, relative to the sandbox's logDirectory: `<container>/<attempt>.log`. */
  readonly logPath: string
  readonly stdin: boolean
  readonly stdinOnce: boolean
  readonly tty: boolean
  readonly user: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] }
  readonly readOnlyRootFilesystem: boolean
  readonly privileged: boolean
  readonly noNewPrivileges: boolean
  readonly capabilities: { readonly add: readonly string[]; readonly drop: readonly string[] }
  readonly stopSignal: string
  /** A running container of the same sandbox, by id, whose processes it sees instead of its own (`kubectl debug --target`). */
  readonly pidNamespaceOf?: string
  readonly resources: Resources & { readonly oomScoreAdj?: number }
}

/** Limits of a control group; what is absent is not limited. */
export interface Resources {
  readonly cpuShares?: number
  /** Of each period of 100 ms. */
  readonly cpuQuotaMicros?: number
  readonly memoryLimitBytes?: number
  /** Files of cgroup v2 by name; without effect in v1. */
  readonly unified?: Readonly<Record<string, string>>
}

export interface RuntimeContainer {
  readonly id: string
  readonly sandboxId: string
  readonly config: ContainerConfig
  readonly state: 'created' | 'running' | 'exited' | 'unknown'
  readonly createdAtMs: number
  readonly startedAtMs?: number
  readonly finishedAtMs?: number
  readonly exitCode?: number
  /** `Completed`, `Error`, `OOMKilled`, `StartError`, `ContainerCannotRun`. */
  readonly reason?: string
  readonly message?: string
}

export interface ContainerStats {
  /** Processor time since its start. */
  readonly cpuNanos: number
  /** Working set: without file pages that are not in use. */
  readonly memoryBytes: number
}

/** While it is attached, a client that does not read holds the container back, as upstream. */
export interface AttachSession {
  /** Absent where the container takes no input, or not any more (`stdinOnce`). */
  readonly stdin?: import('node:stream').Writable
  readonly stdout: import('node:stream').Readable
  /** Absent with a tty. */
  readonly stderr?: import('node:stream').Readable
  resize(columns: number, rows: number): void
  /** Lets go of the streams; the container goes on. */
  detach(): void
  /** Settles when the container has ended, when the client ends an input that outlives it, or after `detach`. */
  readonly ended: Promise<void>
}

export interface ExecOptions {
  readonly command: readonly string[]
  readonly tty: boolean
  readonly stdin: boolean
}

export interface ExecSession {
  readonly stdin?: import('node:stream').Writable
  readonly stdout: import('node:stream').Readable
  /** Absent with a tty. */
  readonly stderr?: import('node:stream').Readable
  resize(columns: number, rows: number): void
  kill(): void
  /** The command's exit code. */
  readonly exited: Promise<number>
}
