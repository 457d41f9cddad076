import { nobleMlKem, type MlKem } from "../noble-ml-kem.ts";

export function mlKem(): MlKem {
  return nobleMlKem;
}
