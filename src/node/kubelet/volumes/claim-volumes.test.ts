import { expect, it } from 'vitest'
import type { PersistentVolume } from '../../../base/api/generated/types.ts'
import { VolumeAttachments } from './claim-volumes.ts'

const volume = (...accessModes: string[]) => ({ metadata: { name: 'pvc-1' }, spec: { accessModes } }) as unknown as PersistentVolume
const on = (node: string, name: string, namespace = 'shop') => ({ node, pod: { namespace, name, uid: name } })

it('keeps a volume for one node to that node, and gives it to another when the last Pod there is gone', () => {
  const attachments = new VolumeAttachments()
  attachments.attach(volume('ReadWriteOnce'), on('n1', 'db-0'))
  attachments.attach(volume('ReadWriteOnce'), on('n1', 'db-1'))
  expect(() => attachments.attach(volume('ReadWriteOnce'), on('n2', 'db-2'))).toThrow(
    'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) db-0, db-1',
  )
  expect(() => attachments.attach(volume('ReadWriteOnce'), on('n2', 'x', 'other'))).toThrow('used by 2 pod(s) in different namespaces')
  attachments.detach(({ node }) => node === 'n1')
  attachments.attach(volume('ReadWriteOnce'), on('n2', 'db-2'))
})

it.each(['ReadWriteMany', 'ReadOnlyMany'])('shares a volume of %s between nodes', (mode) => {
  const attachments = new VolumeAttachments()
  attachments.attach(volume(mode), on('n1', 'a'))
  attachments.attach(volume(mode), on('n2', 'b'))
})
