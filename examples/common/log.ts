export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
export type Log = (level: LogLevel, message: string, fields?: object) => void

/** Logs are a stream of events on standard output (factor XI): one JSON object a line. */
export const createLog = (options: { level: LogLevel; write?: (line: string) => void }): Log => {
  const lowest = logLevels.indexOf(options.level)
  const write = options.write ?? ((line: string) => void process.stdout.write(line))
  return (level, message, fields) => {
    if (logLevels.indexOf(level) < lowest) return
    write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`)
  }
}
