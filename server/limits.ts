// Every bound of the server in one place: a number, its unit in the name, and why. Bounds of the API are DESIGN.md 5;
// a namespace policy may tighten them (policy.ts), never widen them.

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
const KIB = 1024;

export const limits = {
  namespaceBytesMax: 128,
  keyBytesMax: 512,
  fingerprintsMax: 4,
  fingerprintDigestBytesMax: 64,
  fingerprintSchemeBytesMax: 64,
  attemptIdBytesMax: 64,
  ownerBytesMax: 256,
  labelsMax: 16,
  labelNameBytesMax: 64,
  labelValueBytesMax: 256,
  leaseTokenBytes: 16,
  contentTypeBytesMax: 128,
  contentEncodingBytesMax: 64,
  errorCodeBytesMax: 128,
  errorMessageBytesMax: 1024,
  errorDetailBytesMax: 4 * KIB,
  reasonBytesMax: 512,
  checkpointBytesMax: 16 * KIB,
  /** Highest that a policy may allow. */
  resultBytesMax: 1024 * KIB,

  leaseMsMin: 100,
  leaseMsMax: DAY_MS,
  ttlMsMin: SECOND_MS,
  ttlMsMax: 400 * DAY_MS,
  waitMsMax: MINUTE_MS,
  retryAfterMsMax: DAY_MS,

  /** The largest result with all other fields at their bounds is about 1.04 MiB; the rest is room for Session packs. */
  requestBytesMax: 4 * 1024 * KIB,
  responseBytesMax: 8 * 1024 * KIB,
  /** grpc-js accepts any amount (75 KB was measured); 16 KiB holds any credential we accept several times. */
  metadataBytesMax: 16 * KIB,
  /** Per connection; grpc-js advertises 2^32 - 1 by default. */
  streamsPerConnectionMax: 1000,
  /** Connections of the gRPC listener. A client needs one; a quarter for one address leaves room for a balancer's. */
  connectionsMax: 4096,
  connectionsPerAddressMax: 1024,
  connectionAgeMsMax: 30 * MINUTE_MS,
  connectionGraceMs: 30 * SECOND_MS,
  connectionIdleMsMax: 5 * MINUTE_MS,
  /** So many pings with nothing between them within this time are a flood: gRPC clients keep alive by one in 10 s at most. */
  pingsInRowMax: 500,
  pingsInRowMsMin: MINUTE_MS,
  /** Longest call by HTTP: a wait at its bound and room to answer; streams are asked for again after it. */
  httpCallMsMax: 10 * MINUTE_MS,
  /** Unanswered operations of one Session: enough to keep a pack of 256 in each stage, small enough to bound memory. */
  sessionInFlightMax: 1024,
  /**
   * How old the API keys in memory may be, and how long a call goes on under credentials that were checked: together less
   * than the 5 s in which a revocation must bite.
   */
  apiKeysReadMs: 2 * SECOND_MS,
  identityMsMax: 2 * SECOND_MS,

  /** A caller that must ask again is told to wait at most this long, so that a renewed or early outcome is seen soon. */
  retryAfterMsHintMax: SECOND_MS,
  retryAfterMsHintMin: 50,
  /** A waiting begin and a search answer this long before the caller's deadline, so that the answer still arrives. */
  deadlineMarginMs: 50,
  /** A search that has found nothing for this long answers an empty page: whoever waits sees that it goes on. */
  searchMsMax: 250,
  /** Who follows calls is sent what came this often, and at most this many. */
  tailEveryMs: 250,
  tailKeptMax: 500,
  /** How often one waiter of a key looks again when other servers share the store and a push may have been lost. */
  waiterPollMs: SECOND_MS,
  /** RELIABILITY.md 8: opens after this many failures in a row, or when half of a window's calls failed. */
  breakerFailuresInRow: 5,
  breakerFailuresMin: 20,
  breakerWindowMs: 10 * SECOND_MS,
  /** While open the store is asked this often, and must answer this soon. */
  breakerProbeIntervalMs: 250,
  breakerProbeMsMax: SECOND_MS,
  /**
   * Nothing heard of the store for so long, while calls wait for it, is a silence; it is asked for a sign of life before. Half
   * as long happens to a Redis that forks and to what lives under a CPU quota. Sooner where the connection is lost or a call
   * has failed, so that a begin which is refused is so within 100 ms; later where the store usually takes long.
   */
  silenceMs: 250,
  silenceAskMs: 100,
  silenceSuspectMs: 40,
  silenceUsualTimes: 4,
  silenceLookMs: 20,
  /** A store that takes longer is told of as "unknown"; its own time-outs are shorter. */
  storeVerbMsMax: 5 * SECOND_MS,
  /** A cluster that comes back has connected to all of its nodes within this; whoever asks one that is not there pauses so. */
  outageRevivalMs: 2 * SECOND_MS,
  outageRevivalPauseMs: 50,
  /** Attempts and outcomes kept while the store is down; each is at most a result and its record. */
  journalRowsMax: 100_000,
  /** Rows written at a time: one by one took 25 ms each on SQLite, three quarters of an hour for a full journal. */
  journalReplaysAtOnce: 32,
  /** For how long nobody takes over an attempt that is written from a journal with its outcome behind it: two writes. */
  journalSettleMs: 10 * SECOND_MS,
  /** Admission (RELIABILITY.md 8): operations at the store at a time; the limit moves between these. */
  admissionInFlightMin: 8,
  admissionInFlightMax: 256,
  /** Without overload, where several namespaces only share: enough for a batch. */
  admissionSharedMin: 32,
  /** Latency of the store that is never taken for congestion: a batching store needs some to fill its batches. */
  admissionLatencyMs: 8,
  /** Work that may wait under overload: who is let in shall not be late, and the store shall not run dry. */
  admissionShortWaitMs: 4,
  /** Operations of a class that wait for admission: a second of work, about. */
  admissionQueueMax: 4096,
  admissionWaitMsMax: SECOND_MS,
  /** Holders wait longer: they are served first, and a refusal may cost a duplicate. */
  admissionHolderWaitMsMax: 5 * SECOND_MS,
  /** Begins that wait for longer, for half a second, are overload. */
  admissionStandingMs: 250,
  /** How often limit and overload are looked at. */
  admissionWindowMs: 100,
  /** Scans, lists and settings at a time; few while the server is overloaded, so that whoever helps can still look. */
  admissionAdminMax: 16,
  admissionAdminMaxOverloaded: 4,
  /**
   * The process is at its end when its timers run this late (lookups are shed at 2.5 times that, begins at 5 times) although
   * the loop hardly ever rests, or when its heap is this full.
   */
  admissionLagMsMax: 100,
  admissionUtilizationMax: 0.95,
  admissionHeapShareMax: 0.85,
  /** Under overload the processor counts as the bottleneck when the loop rests less than this leaves. */
  admissionSaturation: 0.97,
  /** Purges and exports at a time. */
  bulkStreamsMax: 8,
  /** Streams that follow a key: some kilobytes each. */
  followersMax: 20_000,
  followersPerNamespaceMax: 10_000,
  /** Begins that wait for a key, in all namespaces together; a namespace's own bounds are in its policy. */
  waitersMax: 50_000,
  /** Rejections that are logged a second; the rest is counted. */
  rejectionsLoggedPerSecondMax: 100,
  /** How often what is kept is tried again. */
  journalReplayMs: SECOND_MS,
  /** How often the file of sealing keys is looked at. */
  sealingKeysReadMs: 5 * SECOND_MS,
  /** How soon a data key that another server made is used here for new values; the older one opens them everywhere. */
  dataKeyCheckMs: 30 * SECOND_MS,
  /** How old the counts behind in_progress_max and records_max may be. */
  quotaCountsMs: SECOND_MS,
  /** Records touched at a time: about 10 ms of a store's time. */
  compactionBatchMax: 500,
  /** On a store with one writer everybody waits behind a batch, so that it ends after so long, and later in a hurry. */
  compactionBatchMs: 0.5,
  compactionBatchMsMax: 5,
  /** So many times as long as a batch took compaction rests, and in a hurry. */
  compactionRest: 24,
  compactionRestMin: 1,
  /** Records that a purge removes at a time: on a store with one writer a third of a millisecond for whoever waits behind them. */
  purgeBatch: 16,
  purgeRest: 16,
  /**
   * So long ago a record must have been written before a store surely removes it (Store.remove; a timer may be early), or longer
   * where its revision is ahead of the clock: a purge waits for it, but not for what thousands of calls a second have carried far.
   */
  purgeStillMs: 102,
  purgeStillMsMax: SECOND_MS,
  removalRestMsMin: 5,
  /** Records that whoever reads very many reads at a time: as long. After it there is a rest, so many times as long. */
  bulkPage: 200,
  bulkRest: 1,
  /** Up to here records may outstay their time before compaction works harder, and where it works its hardest. */
  compactionLagMsCalm: 10 * MINUTE_MS,
  compactionLagMsMax: 30 * MINUTE_MS,
  compactionIntervalMs: 10 * SECOND_MS,
  /** A leader that has not been heard of for this long is replaced. */
  compactionTermMs: 30 * SECOND_MS,
  /** Times that one begin decides anew because others changed the record in between; each loss means another's success. */
  decisionsMax: 64,

  /** Calls in flight at SIGTERM get this long; with the lame duck at its longest and the store's end it stays within 30 s. */
  drainMsMax: 15 * SECOND_MS,
  lameDuckMsMax: 10 * SECOND_MS,
  /** Past this the process ends whatever still runs: Kubernetes kills at 30 s. */
  endMsMax: 29 * SECOND_MS,

  /** Server processes on one port: more than cores of any machine that one Redis or Postgres keeps busy. */
  workersMax: 64,
  /** Pauses before a worker that died is started again; doubled each time until one has served for the steady time. */
  workerRestartMsMin: 100,
  workerRestartMsMax: 30 * SECOND_MS,
  workerSteadyMs: MINUTE_MS,
  /** A worker whose figures or state take longer counts as missing; the primary gets a little more. */
  workerAnswerMsMax: 1.5 * SECOND_MS,
  workersAnswerMsMax: 2.5 * SECOND_MS,

  /** HTTP/1: RELIABILITY.md 6.2. */
  httpHeadersMsMax: 10 * SECOND_MS,
  httpRequestMsMax: 30 * SECOND_MS,
  httpHeadersMax: 64,
  httpHeaderBytesMax: 16 * KIB,
  httpBodyBytesMax: 64 * KIB,
  httpConnectionsMax: 1024,
  httpConnectionsPerAddressMax: 256,
  /** Keep-alive connections that are busy when the listener closes get this long. */
  httpCloseMsMax: SECOND_MS,

  /** A store that takes longer to answer a ping is not ready; kubelet's own default bound is 1 s. */
  readinessPingMsMax: 900,
  /** A scrape goes without the counts of a store that takes longer. */
  statsScrapeMsMax: SECOND_MS,
  readinessCacheMs: SECOND_MS,
} as const;
