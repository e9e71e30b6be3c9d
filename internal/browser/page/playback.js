/** What a video element makes of a file: from its beginning, and from its middle. */
export async function play(url) {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, preload: 'auto', src: url });
  document.body.append(video);
  try {
    await happens(video, 'loadeddata');
    const { duration } = video;
    const start = await watch(video);
    video.currentTime = duration / 2;
    await happens(video, 'seeked');
    const middle = await watch(video);
    return { duration, width: video.videoWidth, height: video.videoHeight, start, middle };
  } finally {
    video.remove();
    video.removeAttribute('src');
    video.load();
  }
}

function happens(video, event) {
  return new Promise((resolve, reject) => {
    video.addEventListener(event, resolve, { once: true });
    video.addEventListener('error', () => reject(new Error(`${video.error.message || 'media error'} (code ${video.error.code})`)), { once: true });
  });
}

/** Plays a second, or what is left. Time is the media's, frames are those presented, brightness is of the last, 0 to 255. */
async function watch(video) {
  const from = video.currentTime;
  let frames = 0;
  const seen = () => {
    frames++;
    next = video.requestVideoFrameCallback(seen);
  };
  let next = video.requestVideoFrameCallback(seen);
  await video.play();
  // Not until a picture of then is presented: where pictures are few, none may be.
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`stuck at ${video.currentTime} s`)), 20_000);
    const over = new AbortController();
    const look = () => {
      if (video.currentTime < from + 1 && !video.ended) return;
      over.abort();
      clearTimeout(late);
      resolve();
    };
    for (const event of ['timeupdate', 'ended']) video.addEventListener(event, look, over);
    look();
  });
  video.pause();
  video.cancelVideoFrameCallback(next);
  return { from, to: video.currentTime, frames, brightness: brightness(video) };
}

function brightness(video) {
  const [width, height] = [64, 36];
  const pen = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  pen.drawImage(video, 0, 0, width, height);
  const { data } = pen.getImageData(0, 0, width, height);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
  return sum / (width * height);
}
