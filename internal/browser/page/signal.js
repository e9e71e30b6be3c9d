// A picture and a sound whose truth is known: on every whole second of the clock the right quarter of
// the picture flashes for three frames, and a tone beeps for 100 ms. Package meeting's Measure finds both.

const FLASH_FRAMES = 3;
const BEEP = 0.1; // s
const RAMP = 0.004; // s; at the instant itself the beep has half its loudness
const LOUDNESS = 0.2; // of full scale
const RATE = 48000; // Hz
const PIECE = 10; // ms of sound sent at once

/** A video track that moves, in a hue of its own. Stopping the track ends the drawing. */
export function picture({ hue, width, height, fps }) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  // Frames are read back to be encoded: kept in memory, that takes no time.
  const pen = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  const [track] = canvas.captureStream(0).getVideoTracks();

  const draw = (frame) => {
    pen.fillStyle = `hsl(${hue} 60% 40%)`;
    pen.fillRect(0, 0, width, height);
    const angle = (2 * Math.PI * frame) / (5 * fps);
    const side = height / 5;
    pen.fillStyle = `hsl(${hue + 180} 80% 60%)`;
    pen.fillRect(width * (3 / 8 + Math.sin(angle) / 4) - side / 2, height * (1 / 2 - Math.cos(angle) / 4) - side / 2, side, side);
    pen.fillStyle = frame % fps < FLASH_FRAMES ? '#ffffff' : '#101018';
    pen.fillRect((width * 3) / 4, 0, width / 4, height);
    track.requestFrame();
  };
  let drawn = -1;
  const next = () => {
    if (track.readyState === 'ended') return;
    const frame = Math.floor((Date.now() * fps) / 1000);
    // A timer may be early. A frame drawn twice would have the encoder drop the one after it.
    if (frame !== drawn) draw(frame);
    drawn = frame;
    setTimeout(next, Math.ceil(((frame + 1) * 1000) / fps) - Date.now());
  };
  next();
  return track;
}

/**
 * An audio track that beeps. Stopping the track ends the sound. Each sample belongs to an instant of the
 * clock and is sent once that has passed, all of them, however late: an AudioContext that a busy machine
 * holds up would lose some, and everything after them would come early.
 */
export function sound({ tone }) {
  const track = new MediaStreamTrackGenerator({ kind: 'audio' });
  const writer = track.writable.getWriter();
  const samples = (PIECE * RATE) / 1000;
  const perSecond = 1000 / PIECE;

  const piece = (n) => {
    const data = new Float32Array(samples);
    for (let i = 0; i < samples; i++) {
      const t = ((n % perSecond) * samples + i) / RATE; // of the second; pitches are whole, so a wave ends with it
      const since = t < 0.5 ? t : t - 1; // since the nearest whole second, which may lie ahead
      const edge = Math.min(since, BEEP - since);
      data[i] = LOUDNESS * Math.max(0, Math.min(1, 0.5 + edge / RAMP)) * Math.sin(2 * Math.PI * tone * t);
    }
    return new AudioData({
      format: 'f32', sampleRate: RATE, numberOfChannels: 1, numberOfFrames: samples, timestamp: n * PIECE * 1000, data,
    });
  };
  let n = Math.ceil(Date.now() / PIECE);
  const next = () => {
    if (track.readyState === 'ended') return;
    for (; (n + 1) * PIECE <= Date.now(); n++) writer.write(piece(n));
    setTimeout(next, (n + 1) * PIECE - Date.now());
  };
  next();
  return track;
}
