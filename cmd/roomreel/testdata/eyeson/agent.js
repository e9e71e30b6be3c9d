import eyeson from 'eyeson-streamrec';
const clientId; // A client identifier.
const clientAuthToken; // Client auth token gathered by the streamrec service.
const firstStream; // A media stream
const secondStream; // A media stream
const thirdStream; // A media stream
const webhookUrl; // A target URL for webhooks.
console.info(eyeson.version); // current version of library
console.info(eyeson.maxStreamCount); // maximum supported streams
// Optional maximum bitrate per stream in kbps - min: 150, max: 4000, null for auto
eyeson.setOptionMaxBitrate(250);
async function() {
try {
eyeson.addEventListener(event => {
const { type } = event;
console.debug('[Agent] Event received:', type);
if (type === 'connected') {
setConnected(true);
}
if (type === 'disconnected') {
setRecording(false);
setConnected(false);
console.info(event.termination_cause);
}
if (type === 'recording_state') {
// Whenever recording state changes
// states are STARTED, STOPPED, FAILED
console.info(event.recording_id, event.stream_id, event.state);
}
if (type === 'stream_ended') {
// Info about local stream has stopped
console.info(event.id, event.stream);
}
if (type === 'statistics_ready') {
// onUpdate is called every 5 seconds
event.statistics.onUpdate(stats => {
// contains quality limitation durations in seconds for
// "cpu", "bandwidth", "other" and "none"
// stats.qualityLimitationDurations
// stats.total.qualityLimitationDurations
});
}
});
const streams = {
'first': firstStream,
'second': secondStream,
};
const recordings = {
'first': {
'uploadUrl': firstUploadUrl,
'webhookUrl': firstWebhookUrl,
},
'second': {
'uploadUrl': secondUploadUrl,
'webhookUrl': secondWebhookUrl,
},
'third': {
'uploadUrl': thirdUploadUrl,
'webhookUrl': thirdWebhookUrl,
},
};
// Connect the client to a session.
const sessionId = await eyeson.connect(clientId, clientAuthToken, streams,
webhookUrl);
// Add new streams (NOT during recording)
await eyeson.addStream({ 'third': thirdStream });
// Start a recording for the connected session.
const recordingIds = await eyeson.startRecording(recordings);
// recordingIds:
// {
// "first": { recording_id: "0ecdf0e3...", state: "STARTED" },
// "second": { recording_id: "14399bf0...", state: "STARTED" },
// "third": { recording_id: "1f46bbf7...", state: "STARTED" }
// }
// Switch to another media stream.
await eyeson.switchStream({
'first': newFirstStream // Stream id must already exist
});
// Remove stream by its Id (recording will be stopped and uploaded)
await eyeson.removeStream('third');
// Ensure Recording is started and has not yet been stopped before stopping
// the recording or switching the stream.
await eyeson.stopRecording();
// Disconnect the client session.
await eyeson.disconnect();
} catch(err) {
console.error(err);
}
}()
