// What the judge allows, in seconds, requests a second and MiB. The canary makes the times smaller.

export const limits = {
  TELL_S: 20, // ten seconds of standing still, and ten to tell
  LIVE_TELL_S: 140, // a head that does not move is told after two minutes
  EVIL_S: 24, // how long a provider stays evil
  WORKS_S: 60, // the same where the index must come to the head all the while
  LIVE_EVIL_S: 150, // the same on a growing chain, alone
  RECOVER_S: 75, // from the provider's turn to honesty to the head
  STOP_S: 5, // from SIGTERM to the end
  API_S: 5, // an answer of the API
  HOLD_S: 3, // at the head for so long counts
  ASKED_PER_S: 60, // requests on average
  MEMORY_MIB: 256, // [database] memory_mib; a quarter more is allowed
};
