/** A process of this machine that the cluster itself consists of. A node shows it as a static Pod. */
export interface Part {
  /** As upstream names its manifest: `kube-apiserver`. The Pod's name adds the node's. */
  readonly name: string
  /** The node that shows it. */
  readonly node: string
  /** What runs, as an image would be named. */
  readonly image: string
  readonly command: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly logFile: string
  /** The process as it runs now. */
  process(): PartProcess | undefined
  isHealthy(signal: AbortSignal): Promise<boolean>
}

export interface PartProcess {
  /** Differs for each process there ever was on the machine. */
  readonly id: string
  readonly startedAtMs: number
}

/** What is known of a part at one moment. */
export interface PartState {
  /** The newest process, whether it runs or not. */
  readonly process: PartProcess
  readonly isRunning: boolean
  readonly isHealthy: boolean
  readonly restarts: number
  /** The process before this one. */
  readonly last?: PartProcess
}
