import { Supervisor as eyeson } from 'eyeson-streamrec';
async function() {
try {
eyeson.addEventListener(event => {
const { type } = event;
console.debug('[Supervisor] Event received:', type)
if (type === 'disconnected') {
setConnected(false);
console.info(event.termination_cause);
}
if (type === 'add_stream') {
showStream(event.id, event.stream);
}
if (type === 'remove_stream') {
removeStream(event.id);
}
});
await eyeson.connect(supervisorId, authToken, agentId, webhookUrl);
setConnected(true);
setTimeout(eyeson.disconnect, 30 * 1000); // just an example
} catch(err) {
console.error(err);
}
}()
