// Makes an archive of recordings on disk, as large as a test wants it: a folder
// for `roomreel dev`, which takes up what it finds there.
import { execFile } from 'node:child_process'
import { copyFile, link, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const hex = (n) => n.toString(16).padStart(32, '0')

/**
 * A folder with recordings of one room each; the first has people for so many
 * seconds, all others are short. Its media are one file, linked.
 */
export async function large({ recordings, people, seconds }) {
  const folder = await mkdtemp(join(tmpdir(), 'roomreel-large-'))
  const media = join(folder, 'media.webm')
  // Still pictures and a tone that swells: small, quickly made, and it decodes.
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=s=320x180:r=1:d=${seconds}`, '-f', 'lavfi', '-i', `sine=f=330:r=8000:d=${seconds}`,
    '-af', 'volume=0.5+0.5*sin(t/9):eval=frame', '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '16', '-g', '30', '-b:v', '20k', '-c:a', 'libopus', '-b:a', '8k', '-ac', '1', media])
  const ids = []
  for (let i = 0; i < recordings; i++) {
    const id = `rec_${hex(0x01a2_0000_0000 + recordings - i)}`
    ids.push(id)
    await mkdir(join(folder, 'recordings', id), { recursive: true })
    const at = new Date(Date.UTC(2026, 2, 1) - i * 3_600_000)
    const length = i === 0 ? seconds : 60
    const participants = Array.from({ length: i === 0 ? people : 1 }, (_, n) => person(n, length))
    const parts = []
    for (const [n, { identity }] of participants.entries()) {
      const part = `prt_${hex(i * 1000 + n + 1)}`
      parts.push(partOf(part, identity, n, length))
      if (i === 0) await link(media, join(folder, 'recordings', id, `${part}.webm`)).catch(() => copyFile(media, join(folder, 'recordings', id, `${part}.webm`)))
    }
    await writeFile(join(folder, 'recordings', id, 'recording.json'), JSON.stringify({
      version: 1, id, room: `room-${i % 40}`, state: 'stopped', created_at: at, started_at: at, stopped_at: new Date(at.getTime() + length * 1000), ended: 'stop', duration_s: length, participants, parts,
    }))
  }
  return { folder, ids }
}

function person(n, length) {
  const speaking = []
  for (let at = n * 7; at + 5 < length; at += 60) speaking.push({ from_s: at, to_s: at + 5 })
  return { identity: `person-${n}`, name: `Person ${n + 1}`, present: [{ sid: `PA_${n}`, from_s: 0, to_s: length }], speaking }
}

function partOf(id, participant, n, length) {
  const every = (step, lasts) => Array.from({ length: Math.floor(length / step) }, (_, i) => ({ from_s: i * step + n, to_s: i * step + n + lasts })).filter((span) => span.to_s < length)
  const track = (number, kind, source, codec, more) => ({
    number, sids: [`TR_${n}_${number}`], source, kind, codec, start_s: 0, end_s: length, sync: [{ file_s: 0, at_s: 0 }], residual_s: 0.001, packets: 1000, lost: 3, duplicates: 0, frames: 900, bytes: 100_000, ...more,
  })
  return {
    id, file: `${id}.webm`, participant, stream: 'camera', node: 'node-1', epoch: 1, start_s: 0, duration_s: length, bytes: 200_000, ended: 'stop',
    tracks: [track(1, 'audio', 'microphone', 'opus', { muted: every(240, 20), gaps: every(600, 1) }), track(2, 'video', 'camera', 'vp8', { muted: every(900, 60), freezes: every(700, 2), sizes: [{ at_s: 0, width: 320, height: 180 }] })],
  }
}
