// The page on which a visitor joins a room with their own camera.
const find = (id) => document.getElementById(id);
const form = find('form'), people = find('people');
const query = new URLSearchParams(location.search);
if (query.has('room')) find('room').value = query.get('room');
if (query.has('name')) find('name').value = query.get('name');

const say = (text) => { find('status').textContent = text; };

/** Shows a participant's track in their tile, making the tile when it is missing. */
function show(participant, track) {
  let tile = document.getElementById(`p-${participant.identity}`);
  if (!tile) {
    tile = document.createElement('li');
    tile.id = `p-${participant.identity}`;
    const name = document.createElement('span');
    name.textContent = participant.name || participant.identity;
    tile.append(name);
    people.append(tile);
  }
  if (track && !(participant.isLocal && track.kind === 'audio')) tile.prepend(track.attach());
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  find('join').disabled = true;
  try {
    say('Joining …');
    await join();
  } catch (error) {
    say(`Could not join: ${error.message}`);
    find('join').disabled = false;
  }
});

async function join() {
  const livekit = await import('./vendor/livekit-client.mjs').catch(() => {
    throw new Error('the LiveKit client is not built in. Run `make web` (it needs npm), then build roomreel again');
  });
  const answer = await fetch('token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ room: find('room').value, name: find('name').value }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  const { url, token } = await answer.json();

  const { Room, RoomEvent } = livekit;
  const room = new Room();
  const recording = () => { find('recording').hidden = !room.isRecording; };
  room
    .on(RoomEvent.TrackSubscribed, (track, _, participant) => show(participant, track))
    .on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((element) => element.remove()))
    .on(RoomEvent.ParticipantConnected, (participant) => show(participant))
    .on(RoomEvent.ParticipantDisconnected, (participant) => document.getElementById(`p-${participant.identity}`)?.remove())
    .on(RoomEvent.LocalTrackPublished, (publication, participant) => show(participant, publication.track))
    .on(RoomEvent.RecordingStatusChanged, recording)
    .on(RoomEvent.Disconnected, () => {
      people.replaceChildren();
      find('recording').hidden = true;
      find('leave').hidden = true;
      find('join').hidden = find('join').disabled = false;
      say('You left the room.');
    });
  await room.connect(url, token);
  room.remoteParticipants.forEach((participant) => show(participant));
  recording();
  find('join').hidden = true;
  find('leave').hidden = false;
  find('leave').onclick = () => room.disconnect();
  say(`You are in ${room.name}.`);
  await room.localParticipant.enableCameraAndMicrophone();
}
