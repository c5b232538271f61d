/** Photos by the camera: in a dialog where the browser lets the page see it, else by the phone's own app. */
import { element } from "./elements.js";

/** Lets people take photos, which `taken` gets. */
export function offerCamera(taken: (photos: readonly File[]) => void): void {
  const capture = element(HTMLInputElement, "#capture");
  capture.addEventListener("change", () => {
    taken([...(capture.files ?? [])]);
    capture.value = "";
  });
  const dialog = element(HTMLDialogElement, "#camera");
  const video = element(HTMLVideoElement, "video", dialog);
  // Before that there is nothing to take.
  video.addEventListener("loadeddata", () => video.toggleAttribute("data-seen", true));
  const stop = () => {
    video.removeAttribute("data-seen");
    if (video.srcObject instanceof MediaStream)
      for (const track of video.srcObject.getTracks()) track.stop();
    video.srcObject = null;
  };
  dialog.addEventListener("close", stop);
  element(HTMLElement, "[data-do=close]", dialog).addEventListener("click", () => dialog.close());
  element(HTMLElement, "[data-do=shoot]", dialog).addEventListener("click", async () => {
    const photo = await frameOf(video);
    dialog.close();
    if (photo !== undefined) taken([photo]);
  });
  element(HTMLElement, "#take").addEventListener("click", async () => {
    // A phone's own app makes better photos, and needs no permission.
    const isPhone = matchMedia("(pointer: coarse)").matches;
    const stream = isPhone ? undefined : await cameraStream();
    if (stream === undefined) return capture.click();
    video.srcObject = stream;
    dialog.showModal();
  });
}

async function cameraStream(): Promise<MediaStream | undefined> {
  try {
    return await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 1920 }, height: { ideal: 1080 } },
    });
  } catch {
    return undefined;
  }
}

/** What a camera sees now, as a PNG; undefined before it sees anything. */
async function frameOf(video: HTMLVideoElement): Promise<File | undefined> {
  const { videoWidth: width, videoHeight: height } = video;
  if (width === 0) return undefined;
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  const png = await canvas.convertToBlob({ type: "image/png" });
  const time = new Date().toLocaleTimeString("en-GB").replaceAll(":", ".");
  return new File([png], `camera ${time}.png`, { type: "image/png" });
}
