// What happens when a mapped file is cut off, or its disk fails, while it is read: the system answers the read with
// SIGBUS. Nobody can go on from there, but somebody can say which file it was.
#pragma once

namespace vlaq {

// From now on such a read names the file on standard error, queues SIGTERM to this process with the exit code 3 as its
// value (for a thread that waits for it and cleans up), and ends the program itself if that takes more than ten
// seconds. A SIGBUS of another kind ends the program as ever. Errors: none; call it once.
void NameFilesOfBusErrors();

}  // namespace vlaq
