// Ctrl-C, SIGTERM and the other signals that end a program, as a flag that the work looks at between tiles.
//
// Signals belong to the process, so the flag does too: the one mutable global of the program, written by the handler
// only.
#pragma once

namespace brainsurgery {

// From now on the first signal that would end the program (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGXCPU
// and so on; not those of crashes) sets the flag and a second one kills as usual; SIGPIPE and SIGXFSZ
// are ignored, so that writing to a closed pipe or beyond a file size limit is an error of that write. A signal that
// was ignored before (nohup) stays ignored. System calls are interrupted (EINTR), so that a prompt notices.
void install_interrupt_handlers();

[[nodiscard]] bool interrupted();

// Throws Error(run) "interrupted by Ctrl-C" once the flag is set. Cheap; may be called from several threads.
void throw_if_interrupted();

// Whether Ctrl-C set the flag; if so takes it back. A prompt survives it, the others it does not.
[[nodiscard]] bool take_ctrl_c();

// Takes the flag back and arms the handlers again.
void clear_interrupt();

}  // namespace brainsurgery
