// One participant: the methods of `participant` are what a test can tell it to do, and `report` is
// called with what it sees of its room whenever that changes.
import { Room, RoomEvent } from '/livekit/livekit-client.esm.mjs';
import { play } from './playback.js';
import { picture, sound } from './signal.js';

const isPicture = (source) => source === 'camera' || source === 'screen_share';

let room;
let seen, counts, recordings, reported;

function state() {
  return {
    connection: room.state,
    participants: [...room.remoteParticipants.values()].map((p) => p.identity).sort(),
    seen: [...seen].sort(),
    counts,
    recording: room.isRecording,
    recordings,
    tracks: [...room.localParticipant.trackPublications.values()].map((p) => ({
      source: p.source, sid: p.trackSid, mime: p.mimeType, muted: p.isMuted,
    })),
  };
}

/** Looks at everything, since not every change is an event: the number of participants is none. */
function look() {
  for (const identity of room.remoteParticipants.values().map((p) => p.identity)) seen.add(identity);
  if (room.numParticipants !== counts.at(-1)) counts.push(room.numParticipants);
  if (room.isRecording !== (recordings.at(-1) ?? false)) recordings.push(room.isRecording);
  const now = JSON.stringify(state());
  if (now === reported) return;
  reported = now;
  window.report(state());
}

async function device(source, { width, height, fps }) {
  const video = { width, height, frameRate: fps };
  switch (source) {
    case 'camera': return (await navigator.mediaDevices.getUserMedia({ video })).getVideoTracks()[0];
    case 'microphone': return (await navigator.mediaDevices.getUserMedia({ audio: true })).getAudioTracks()[0];
    case 'screen_share': return (await navigator.mediaDevices.getDisplayMedia({ video })).getVideoTracks()[0];
    default: throw new Error(`Chromium has no fake device for ${source}`);
  }
}

function open(track) {
  if (track.device) return device(track.source, track);
  return isPicture(track.source) ? picture(track) : sound(track);
}

function published(source) {
  const publication = room.localParticipant.getTrackPublication(source);
  if (!publication) throw new Error(`${source} is not published`);
  return publication;
}

window.participant = {
  async join(url, token, dynacast) {
    room = new Room({ dynacast });
    [seen, counts, recordings, reported] = [new Set(), [], [], ''];
    const events = [
      RoomEvent.ParticipantConnected, RoomEvent.ParticipantDisconnected, RoomEvent.RecordingStatusChanged,
      RoomEvent.LocalTrackPublished, RoomEvent.LocalTrackUnpublished, RoomEvent.TrackMuted, RoomEvent.TrackUnmuted,
      RoomEvent.ConnectionStateChanged,
    ];
    for (const event of events) room.on(event, look);
    await room.connect(url, token);
    setInterval(look, 100);
    look();
  },
  async publish(track) {
    const { source, codec, simulcast } = track;
    await room.localParticipant.publishTrack(await open(track), { source, simulcast, ...(codec && { videoCodec: codec }) });
    look();
  },
  async unpublish(source) {
    await room.localParticipant.unpublishTrack(published(source).track, true);
    look();
  },
  async mute(source, muted) {
    const publication = published(source);
    await (muted ? publication.mute() : publication.unmute());
    look();
  },
  async replace(track) {
    const publication = published(track.source);
    const former = publication.track.mediaStreamTrack;
    await publication.track.replaceTrack(await open(track), true);
    former.stop();
    look();
  },
  async leave() {
    await room.disconnect();
    look();
  },
  play,
};
