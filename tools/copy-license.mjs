// Run by each package's `prepack`, in the package's folder: one LICENSE is kept, every tarball carries it.
import { copyFileSync } from "node:fs";

copyFileSync(new URL("../LICENSE", import.meta.url), "LICENSE");
