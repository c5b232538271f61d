/** The page that a browser shows at `/`: the same as that of `bit-export --to page`, computed here. */
import { type ServerPage, serverPage } from "../export/page/server-page.js";
import type { Model } from "../library/model.js";

/** Makes the page of a model. */
export function frontPage(model: Model): Promise<ServerPage> {
  const { name, classes, classNames, size, precision } = model;
  return serverPage({
    model: name,
    classes,
    ...(classNames === undefined ? {} : { classNames }),
    ...(size === undefined ? {} : { size }),
    details: [["Computed in", precision]],
  });
}
