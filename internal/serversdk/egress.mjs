// Drives LiveKit's Egress API by the JavaScript server SDK, unchanged, and prints
// what became of each egress as JSON. Arguments: URL, key, secret, room, identity,
// SID of a microphone, SID of a camera.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  EgressClient, EgressStatus, DirectFileOutput, EncodedFileOutput, EncodingOptions, EncodingOptionsPreset,
  StartEgressRequest, StreamOutput, TemplateSource, Output, FileOutput,
} from 'livekit-server-sdk';

const [url, key, secret, room, identity, microphone, camera] = process.argv.slice(2);
const client = new EgressClient(url, key, secret);
const file = (filepath) => new EncodedFileOutput({ filepath });
const small = new EncodingOptions({ width: 320, height: 180, framerate: 15 });

const started = {
  composite: await client.startRoomCompositeEgress(room, { file: file('js/composite') }, { layout: 'grid', encodingOptions: small }),
  participant: await client.startParticipantEgress(room, identity, { file: file('js/participant.webm') }),
  tracks: await client.startTrackCompositeEgress(room, { file: file('js/tracks.mkv') }, { audioTrackId: microphone, videoTrackId: camera }),
  track: await client.startTrackEgress(room, new DirectFileOutput({ filepath: 'js/track' }), microphone),
  unified: await client.startEgress(new StartEgressRequest({
    roomName: room,
    source: { case: 'template', value: new TemplateSource({ layout: 'grid' }) },
    encoding: { case: 'advanced', value: small },
    outputs: [new Output({ config: { case: 'file', value: new FileOutput({ filepath: 'js/unified' }) } })],
  })),
};

const find = async (id) => (await client.listEgress({ egressId: id }))[0];

async function until(id, reached) {
  for (;;) {
    const info = await find(id);
    if (reached(info)) return info;
    await sleep(100);
  }
}

for (const { egressId } of Object.values(started)) {
  await until(egressId, (i) => i.status !== EgressStatus.EGRESS_STARTING);
}
const active = await client.listEgress({ roomName: room, active: true });
await client.updateLayout(started.composite.egressId, 'speaker');
await sleep(2000);

const refused = {};
for (const [name, call] of Object.entries({
  rtmp: () => client.startRoomCompositeEgress(room, { stream: new StreamOutput({ urls: ['rtmp://localhost/x'] }) }, { encodingOptions: EncodingOptionsPreset.H264_720P_30 }),
  web: () => client.startWebEgress('https://example.com', { file: file('js/web') }),
})) {
  try {
    await call();
  } catch (e) {
    refused[name] = e.code;
  }
}

for (const { egressId } of Object.values(started)) await client.stopEgress(egressId);
const files = {};
for (const [name, { egressId }] of Object.entries(started)) {
  const info = await until(egressId, (i) => i.status >= EgressStatus.EGRESS_COMPLETE);
  files[name] = `${EgressStatus[info.status]} ${info.fileResults.map((f) => f.filename).join()}`;
}
console.log(JSON.stringify({ active: active.length, refused, files }));
