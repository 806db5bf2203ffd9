/**
 * The wire contract of pixfarm: a client submits a directory of images to the ImageServer, the
 * server sends one image at a time to ComputeNodes. Only paths cross the wire, never pixels.
 *
 * Transport: framed. Protocol: binary, strict. A request frame is at most 64 KiB, a string in it
 * at most 8 KiB, a container at most 256 elements.
 *
 * Names and numbers are stable: new fields are added at the end and are optional.
 * All times are seconds. All file names use '/' and are UTF-8.
 */
namespace py pixfarm_idl
namespace js pixfarm_idl

/** How the server chooses a node for an image. */
enum Strategy {
  /** Uniform choice among usable nodes; calls delayed_execute. */
  RANDOM = 0,
  /** Choice by measured load; calls execute, and a refused image goes to another node at once. */
  LOAD_BALANCING = 1
}

/** Where a job stands. */
enum JobState {
  /** Images are being listed, sent or worked on. */
  RUNNING = 0,
  /** Every image has ended, done or failed. */
  FINISHED = 1,
  /** Cancelled by cancel_job; images that were running were allowed to finish. */
  CANCELLED = 2,
  /** No node could or would take the remaining images; code and message say why. */
  GAVE_UP = 3,
  /** Paused by pause_job, or found unfinished by a server started with --no-resume: no further image
   *  is started until resume_job. */
  PAUSED = 4
}

/** What came of one image of a job. */
enum ImageState {
  /** Its result is complete under its final name. */
  DONE = 0,
  /** Given up; code and message say why. */
  FAILED = 1,
  /** Not done because the job was cancelled or gave up. */
  NOT_DONE = 2,
  /** Passed over by skip_done: an earlier job's result is still good. */
  SKIPPED = 3
}

/** What the server believes about a node. */
enum NodeHealth {
  /** Answers, and gets images. */
  UP = 0,
  /** Answered a ping after being down; gets one image to show that it works. */
  PROBE = 1,
  /** Does not answer; is pinged in the background. */
  DOWN = 2,
  /** Answers, but not as a pixfarm node of this version would; gets no images. */
  QUARANTINED = 3,
  /** Answers, but something on it is broken (a full disk, say); gets no images until its own check
   *  passes. */
  PARKED = 4
}

/** Why a node refused an image. */
enum RejectReason {
  /** The draw against its load probability. */
  LOAD = 0,
  /** More images are waiting in the node than its workers can take soon. */
  BUSY = 1,
  /** The node is shutting down and finishes only what runs. */
  DRAINING = 2
}

/** What is done to an image. */
struct Recipe {
  /** Operations with | between them, like "resize: width=1600 | sharpen: amount=0.6". Left out: edges. */
  1: optional string pipeline,
  /** Format of the results: jpg png webp tiff bmp avif. Left out: that of each source. */
  2: optional string format,
  /** 1 to 100, for formats that have a quality. Left out: jpg and webp 95, avif 75. */
  3: optional i32 quality,
  /** Leave EXIF, XMP and colour profile out of the results. Left out: false, they are kept. */
  4: optional bool strip_metadata,
  /** Look at each result for likely mishaps, see ImageRecord.flags. Left out: false. */
  5: optional bool check
}

/** Which images of a directory a job is about. */
struct Selection {
  /** Only names that match one of these patterns, as in .gitignore, relative to the source directory.
   *  Left out, or empty: all. */
  1: optional list<string> include_patterns,
  /** No names that match one of these. */
  2: optional list<string> exclude_patterns,
  /** Only sources modified later than this, seconds since 1970. */
  3: optional double newer_than,
  /** At most so many images, 1 or more. */
  4: optional i64 limit,
  /** Absolute path of a file that the server reads when the job is submitted: one name in each line,
   *  or with NUL between them, absolute or relative to the source directory; only these. */
  5: optional string files_from
}

/** Where results go. */
struct Output {
  /** Absolute directory. Left out: output_dir below the base path. */
  1: optional string directory,
  /** How results are called: {stem} and {ext} of the source, {op} for the operations. Left out:
   *  {stem}{ext}. Folders below the source directory are always kept. */
  2: optional string name
}

/** What a caller may choose about a job. */
struct JobOptions {
  /** 1 to 64 of A-Z a-z 0-9 _ -, chosen by the caller so that job_status can be asked while
   *  submit_request blocks. A known id attaches to that job. Left out: the server chooses. */
  1: optional string job_id,
  /** -100 to 100: of the jobs that wait, the one with the highest gets the next image; jobs of the
   *  same priority share evenly. Left out: 0. */
  2: optional i32 priority,
  /** Pass over images whose source is unchanged since a job of this server did them in the same way,
   *  and whose result is still there as it was written. Left out: false. */
  3: optional bool skip_done,
  /** Id of an earlier job on the same base path: only its images that failed or were not done. */
  4: optional string retry_of,
  /** Seconds a worker may spend on one image, greater than 0, at most 3600. Left out: the server
   *  decides from the times of the job's images. */
  5: optional double task_timeout_s,
  /** What is done to each image. Left out: edges. */
  6: optional Recipe recipe,
  /** Which images. Left out: all. */
  7: optional Selection selection,
  /** Where results go. Left out: output_dir below the base path, under the names of the sources. */
  8: optional Output output
}

/** What a caller may choose about one image. */
struct TaskOptions {
  /** 1 to 64 of A-Z a-z 0-9 _ -; echoed in TaskResult, so that an answer can be matched to its
   *  question, and part of the temporary file's name. Left out: the node chooses. */
  1: optional string attempt_id,
  /** Seconds a worker may spend on the image before it is given up with TIMED_OUT; greater than 0,
   *  at most 3600. The simulated delay and the wait for a worker do not count. Left out: 60. */
  2: optional double timeout_s,
  /** Where the sources are below the base path: "input_dir", or "" for the base path itself. Left out:
   *  input_dir when there is one. A job says it, so that it is the same for all of its images. */
  3: optional string source_dir,
  /** What is done to the image. Left out: edges. */
  4: optional Recipe recipe,
  /** Absolute directory of the results. Left out: output_dir below the base path. */
  5: optional string output_dir,
  /** Path of the result relative to it. Left out: filename. */
  6: optional string result
}

/** Where the time of an image went, or of all images of a node, in seconds. */
struct Phases {
  /** In the node, before a worker took it: simulated delay and queue. */
  1: optional double waiting,
  /** Between server and node, and in the server: what the call took beyond waiting and work. */
  2: optional double sending,
  /** Reading the source. */
  3: optional double reading,
  /** From the bytes of the source to pixels. */
  4: optional double decoding,
  /** Each operation of the pipeline, in its order. */
  5: optional list<double> operations,
  /** From pixels to the bytes of the result, with its check. */
  6: optional double encoding,
  /** Writing the result until it has its name. */
  7: optional double writing
}

/** One image, processed and published. */
struct TaskResult {
  /** The attempt id of the question. */
  1: string attempt_id,
  /** Seconds from the call's arrival to a worker taking the image: simulated delay and queue. */
  2: double waited_s,
  /** Seconds of work on the image: read, decode, operation, encode, write, publish. */
  3: double worked_s,
  /** Width of the result in pixels. */
  4: i32 width_px,
  /** Height of the result in pixels. */
  5: i32 height_px,
  /** Size of the result in bytes. */
  6: i64 bytes_written,
  /** Size in bytes of the source that was read. */
  7: optional i64 source_bytes,
  /** Modification time of the source that was read, nanoseconds since 1970. */
  8: optional i64 source_mtime_ns,
  /** Modification time of the result, nanoseconds since 1970. */
  9: optional i64 result_mtime_ns,
  /** What was done to the image, as a name that changes whenever results would. */
  10: optional string pipeline,
  /** Where the time went; waiting and sending are left out. */
  11: optional Phases phases,
  /** Likely mishaps, see ImageRecord.flags. */
  12: optional list<string> flags
}

/** What came of one image of a job, as the server's journal has it. */
struct ImageRecord {
  /** Path of the source relative to the source directory. */
  1: string filename,
  /** What came of it. */
  2: ImageState state,
  /** Name of the node that did it, or that it failed on last; empty when none was involved. */
  3: string node,
  /** Calls that took the image: 1 when the first one did it; 0 when none did. */
  4: i32 attempts,
  /** Calls that were refused. */
  5: i32 refusals,
  /** Seconds of the call that did it, as the server saw it. */
  6: double seconds,
  /** Size of the result in bytes. */
  7: i64 bytes_written,
  /** Why it was not done, see Failure.code; empty when it was. */
  8: string code,
  /** One line for a person; empty when it was done. */
  9: string message,
  /** Likely mishaps in a result that was checked: uniform (all one colour), clipped (more than half of
   *  it black or white at the limit), outlier (its size differs much from the job's others); others may
   *  be added. */
  10: optional list<string> flags,
  /** Width of the result in pixels. */
  11: optional i32 width_px,
  /** Height of the result in pixels. */
  12: optional i32 height_px
}

/** An image that was not done, and why. */
struct Failure {
  /** Path of the source relative to the source directory. */
  1: string filename,
  /** Machine-readable reason: NOT_FOUND UNREADABLE UNSUPPORTED TOO_LARGE FORBIDDEN NO_SPACE IO
   *  CRASHED TIMED_OUT BAD_NAME INTERNAL NODE_LOST REFUSED READ_ONLY NO_RESOURCES NO_MEMORY
   *  NO_CODE FUNCTION_FAILED ALL_NODES_REJECT NO_NODES CANCELLED; others may be added. */
  2: string code,
  /** One line for a person. */
  3: string message,
  /** Name of the node that said so; empty when no node was involved. */
  4: string node
}

/** What one node did for one job. */
struct NodeCounts {
  /** The node's name in machine.txt. */
  1: string name,
  /** Images done. */
  2: i64 done,
  /** Images refused. */
  3: i64 refused,
  /** Calls that failed: by the image, the node or the connection. */
  4: i64 failed,
  /** Mean seconds of a call that did an image, as the server saw it; 0 when there was none. */
  5: double mean_s,
  /** Where the time of its done images went, in all. */
  6: optional Phases phases
}

/** Progress of a job. total = done + skipped + failed + not_done + running + those still to be
 *  started. */
struct JobStatus {
  /** Id of the job. */
  1: string job_id,
  /** Where the job stands. */
  2: JobState state,
  /** Eligible images found so far; final when listing_complete. */
  3: i64 total,
  /** Images done: their result is complete under its final name. */
  4: i64 done,
  /** Images given up. */
  5: i64 failed,
  /** Images not done because the job was cancelled or gave up. */
  6: i64 not_done,
  /** Refusals so far; an ordinary answer, not a fault. */
  7: i64 rejections,
  /** Calls repeated after a fault. */
  8: i64 retries,
  /** Seconds since the job was submitted, until it ended. */
  9: double elapsed_s,
  /** Whether the whole source directory has been listed. */
  10: bool listing_complete,
  /** What each node did so far. */
  11: list<NodeCounts> nodes,
  /** The job's base path. */
  12: string base_path,
  /** The job's strategy. */
  13: Strategy strategy,
  /** Images that have a thread at this moment. */
  14: i64 running,
  /** Why the job stopped early: ALL_NODES_REJECT NO_NODES CANCELLED; empty otherwise. */
  15: string code,
  /** One line for a person about what the job waits for or why it stopped; may be empty. */
  16: string message,
  /** Images passed over because an earlier result is still good. */
  17: optional i64 skipped,
  /** The job's priority. */
  18: optional i32 priority,
  /** When the job was submitted, seconds since 1970. */
  19: optional double submitted_at,
  /** Images sent to a second node because the first one was slow, at the end of the job. */
  20: optional i64 copies,
  /** What is done to each image. */
  21: optional Recipe recipe,
  /** Where results go. */
  22: optional Output output,
  /** Images done whose result has flags. */
  23: optional i64 flagged
}

/** The end of a job. total = done + skipped + failed + not_done. */
struct JobReport {
  /** Id of the job. */
  1: string job_id,
  /** How the job ended. */
  2: JobState state,
  /** Eligible images. */
  3: i64 total,
  /** Images done: their result is complete under its final name. */
  4: i64 done,
  /** Images given up. */
  5: i64 failed,
  /** Images not done because the job was cancelled or gave up. */
  6: i64 not_done,
  /** Refusals; an ordinary answer, not a fault. */
  7: i64 rejections,
  /** Calls repeated after a fault. */
  8: i64 retries,
  /** Seconds from submit to end. */
  9: double elapsed_s,
  /** The first 100 images that failed or were not done, failed ones first. */
  10: list<Failure> failures,
  /** What each node did. */
  11: list<NodeCounts> nodes,
  /** The job's base path. */
  12: string base_path,
  /** The job's strategy. */
  13: Strategy strategy,
  /** Why the job stopped early: ALL_NODES_REJECT NO_NODES CANCELLED; empty otherwise. */
  14: string code,
  /** One line for a person about why the job stopped early; may be empty. */
  15: string message,
  /** Images passed over because an earlier result is still good. */
  16: optional i64 skipped,
  /** The job's priority. */
  17: optional i32 priority,
  /** When the job was submitted, seconds since 1970. */
  18: optional double submitted_at,
  /** Images sent to a second node because the first one was slow, at the end of the job. */
  19: optional i64 copies,
  /** What is done to each image. */
  20: optional Recipe recipe,
  /** Where results go. */
  21: optional Output output,
  /** Images done whose result has flags. */
  22: optional i64 flagged,
  /** The first 100 of them. */
  23: optional list<ImageRecord> flags
}

/** A compute node: as it tells of itself in ComputeNode.status, or as the server sees it in
 *  ImageServer.list_nodes. */
struct NodeStatus {
  /** The node's name in machine.txt. */
  1: string name,
  /** Host it listens on. */
  2: string host,
  /** Port it listens on. */
  3: i32 port,
  /** Load probability, 0 to 1; -1 while the server does not know it. */
  4: double load_probability,
  /** Worker processes; 0 while the server does not know. */
  5: i32 workers,
  /** Images in work: in the node (its own status), or sent by this server (list_nodes). */
  6: i32 in_flight,
  /** Whether it is shutting down. */
  7: bool draining,
  /** Images done since the start of the node (status) or of the server (list_nodes). */
  8: i64 done,
  /** Images refused, over the same time. */
  9: i64 refused,
  /** Images failed, over the same time. */
  10: i64 failed,
  /** What the server believes; UP in a node's own status. */
  11: NodeHealth health,
  /** Why the node is not UP; may be empty. */
  12: string message,
  /** Version of pixfarm the node runs. */
  13: string version,
  /** Seconds of its simulated delay. */
  14: double delay_s,
  /** What its own check finds broken on it; empty when nothing is. */
  15: optional string fault,
  /** When the node was started, seconds since 1970; another value means another process. */
  16: optional double started_at,
  /** Base paths, or chosen directories of results, that it could not write to when it last tried: the
   *  disk is full, or read-only. */
  17: optional list<string> unwritable,
  /** Whether it carries out functions of people's own. */
  18: optional bool runs_code
}

/** The request cannot be carried out as it was asked; changing it is up to the caller. */
exception InvalidRequest {
  /** What was wrong, and what to do. */
  1: string message
} (python.immutable = "false")

/** The server knows no job of that id: never submitted, or to a server with another journal. */
exception UnknownJob {
  /** The id that was asked for. */
  1: string job_id
} (python.immutable = "false")

/** The node does not take this image now. An ordinary answer: another node may take it. */
exception TaskRejected {
  /** Why. */
  1: RejectReason reason,
  /** The node's load probability, 0 to 1. */
  2: double load_probability,
  /** Seconds after which asking again makes sense; 0: at once. */
  3: double retry_after_s
} (python.immutable = "false")

/** The node took the image and could not do it. */
exception TaskFailed {
  /** Machine-readable reason, see Failure.code. */
  1: string code,
  /** One line for a person. */
  2: string message,
  /** The attempt id of the question; empty when the question could not be understood. */
  3: string attempt_id
} (python.immutable = "false")

/** The server tier: takes directories, hands images to nodes, answers when all are done. */
service ImageServer {
  /**
   * Processes every eligible image under base_path and answers when the job has ended. A lost
   * connection does not stop the job; submitting the same job id again attaches to it.
   * base_path: absolute path of a directory that the server and the nodes see.
   */
  JobReport submit_request(1: string base_path, 2: Strategy strategy, 3: JobOptions options)
      throws (1: InvalidRequest invalid),

  /** Progress of a running or ended job. */
  JobStatus job_status(1: string job_id) throws (1: UnknownJob unknown),

  /** Starts no further image of the job; running ones finish. Ended jobs are left as they are. */
  void cancel_job(1: string job_id) throws (1: UnknownJob unknown),

  /** The running and the ended jobs, oldest first; at most the last 200. */
  list<JobStatus> list_jobs(),

  /** Every node of machine.txt, asked at the moment of the call. */
  list<NodeStatus> list_nodes(),

  /** Starts no further image of the job until resume_job; running ones finish. An ended job cannot be
   *  paused. */
  void pause_job(1: string job_id) throws (1: UnknownJob unknown, 2: InvalidRequest invalid),

  /** Goes on with a paused job; also with one that was cancelled or gave up, whose images that were not
   *  done are then done. A running job is left as it is. */
  void resume_job(1: string job_id) throws (1: UnknownJob unknown, 2: InvalidRequest invalid),

  /**
   * What came of the images of a job so far, by file name in the order of bytes; images that have not
   * ended are left out.
   * after: the last file name of the previous page, empty for the first page.
   * limit: at most so many, 1 to 1000.
   */
  list<ImageRecord> job_images(1: string job_id, 2: string after, 3: i32 limit)
      throws (1: UnknownJob unknown, 2: InvalidRequest invalid)
}

/** The compute tier: does one image per call. */
service ComputeNode {
  /**
   * Processes one image, or refuses: with the node's load probability it answers TaskRejected at
   * once; otherwise it goes on exactly as delayed_execute, with a second, independent draw.
   * filename: path relative to the source directory of base_path.
   */
  TaskResult execute(1: string base_path, 2: string filename, 3: TaskOptions options)
      throws (1: TaskRejected rejected, 2: TaskFailed failed, 3: InvalidRequest invalid),

  /**
   * Processes one image and never refuses for load: with the node's load probability it sleeps
   * first. Refuses only while it drains.
   */
  TaskResult delayed_execute(1: string base_path, 2: string filename, 3: TaskOptions options)
      throws (1: TaskRejected rejected, 2: TaskFailed failed, 3: InvalidRequest invalid),

  /** What the node is and does; answered at once, whatever its load. */
  NodeStatus status()
}
