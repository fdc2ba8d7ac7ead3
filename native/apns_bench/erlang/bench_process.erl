%% @doc A whole process, as the system sees it.
-module(bench_process).

-export([cpu_us/1, allow_cores/2]).

%% User and system time of all its threads since its start, those that have ended included, in
%% microseconds. The system counts in hundredths of a second: what is measured must take longer.
-spec cpu_us(OsPid :: non_neg_integer() | string()) -> non_neg_integer().
cpu_us(OsPid) when is_integer(OsPid) ->
    cpu_us(integer_to_list(OsPid));
cpu_us(OsPid) ->
    {ok, Stat} = file:read_file(["/proc/", OsPid, "/stat"]),
    %% Behind the program's name, which may hold anything, state is the first field.
    [_, Fields] = string:split(Stat, ") ", trailing),
    Numbers = string:lexemes(Fields, " "),
    [User, System] = [binary_to_integer(Field) || Field <- lists:sublist(Numbers, 12, 2)],
    (User + System) * ticks_us().

%% Lets all its threads run on these cores only.
-spec allow_cores(OsPid :: string(), Cores :: string()) -> ok.
allow_cores(OsPid, Cores) ->
    Said = os:cmd("taskset --all-tasks --cpu-list --pid " ++ Cores ++ " " ++ OsPid),
    string:find(Said, "failed") =:= nomatch orelse throw({bench, "taskset: ~ts", [Said]}),
    ok.

%% USER_HZ is 100 on every Linux: programs see the kernel's own clock through it.
ticks_us() ->
    10000.
