import { chmod, mkdir, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, normalize } from 'node:path'
import type { Container, VolumeMount } from '../../../base/api/generated/types.ts'
import type { MountConfig } from '../../runtime/runtime.ts'
import { ContainerConfigError } from '../environment.ts'
import { expand } from '../expansion.ts'

/** The volume mounts of a container, shallow paths first. Sub-paths are made where missing and may not leave their volume. */
export const containerMounts = async (options: {
  container: Container
  pathOf: (volume: string) => string | undefined
  env: ReadonlyMap<string, string>
}): Promise<MountConfig[]> => {
  const mounts: MountConfig[] = []
  for (const mount of options.container.volumeMounts ?? []) {
    const root = options.pathOf(mount.name)
    if (root === undefined) throw new ContainerConfigError(`cannot find volume "${mount.name}" to mount into container "${options.container.name}"`)
    const subPath = mount.subPathExpr ? expand(mount.subPathExpr, (name) => options.env.get(name)) : (mount.subPath ?? '')
    const containerPath = isAbsolute(mount.mountPath) ? mount.mountPath : `/${mount.mountPath}`
    mounts.push({ hostPath: subPath ? await subPathOf(root, subPath, mount) : root, containerPath, readOnly: mount.readOnly ?? false })
  }
  return mounts.sort((a, b) => a.containerPath.split('/').length - b.containerPath.split('/').length)
}

const subPathOf = async (root: string, subPath: string, mount: VolumeMount): Promise<string> => {
  if (isAbsolute(subPath) || subPath.split('/').includes('..'))
    throw new ContainerConfigError(`failed to prepare subPath for volumeMount "${mount.name}" of container`)
  const path = join(root, subPath)
  await makeLikeItsVolume(root, subPath)
  const [real, realRoot] = await Promise.all([realpath(path), realpath(root)])
  if (real !== realRoot && !real.startsWith(`${realRoot}/`))
    throw new ContainerConfigError(`failed to prepare subPath for volumeMount "${mount.name}" of container`)
  return real
}

// As upstream: whoever may write to the volume may write to its sub-paths.
const makeLikeItsVolume = async (root: string, subPath: string): Promise<void> => {
  const { mode } = await stat(root)
  let path = root
  for (const part of normalize(subPath).split('/')) {
    path = join(path, part)
    if (await stat(path).catch(() => undefined)) continue
    await mkdir(path)
    await chmod(path, (await stat(path)).mode | (mode & 0o777))
  }
}
