%% What the ejabberd side counts, node-wide and since the node's start. Written from hooks: an
%% atomic add, no process.
-module(push_counters).

-export([init/0, add/1, add/2, all/0]).

-export_type([name/0]).

-type name() ::
    pushes              %% pushes that an engine took
    | no_device         %% messages for users without a device
    | undeserved        %% messages that the policy gives no push
    | duplicate         %% messages seen again by another hook, and not pushed again
    | memory_full       %% messages not remembered: a second hook would push them again
    | loaded            %% owners whose devices were read from the database
    | loader_full       %% jobs dropped since the loader's queue was full
    | overloaded        %% notifications that an engine refused since its queue was full
    | app_down          %% notifications for an app that does not run
    | refused           %% notifications that an engine refused for another reason: our mistake
    | database_failed   %% reads or writes of devices that failed
    | unread            %% messages not pushed since the database did not tell the devices
    | ends_kept         %% ends of devices that the database did not take, to be done later
    | ends_dropped      %% the same beyond the bound: not done
    | usage_dropped     %% devices whose last use or error was not kept: too many, too long untaken
    | removals_dropped  %% removals of devices that are not kept: too many, or the store failed
    | too_many_registrations  %% refused: their account had made too many in that minute
    | pending_skipped   %% messages of a lost session's queue beyond the newest that are pushed
    | offline_seen      %% messages that entered the offline hook
    | offline_decided   %% and left it; the rest met a full offline queue
    | hook_crashed.     %% exceptions caught in a hook of ours

-spec names() -> [name(), ...].
names() ->
    [pushes, no_device, undeserved, duplicate, memory_full, loaded, loader_full, overloaded,
     app_down, refused, database_failed, unread, ends_kept, ends_dropped, usage_dropped,
     removals_dropped, too_many_registrations, pending_skipped, offline_seen, offline_decided,
     hook_crashed].

%% Keeps what was counted before: the module may be stopped and started while the node runs.
-spec init() -> ok.
init() ->
    case persistent_term:get(?MODULE, undefined) of
        undefined ->
            Names = names(),
            Index = maps:from_list(lists:zip(Names, lists:seq(1, length(Names)))),
            persistent_term:put(?MODULE, {counters:new(length(Names), []), Index});
        _ ->
            ok
    end.

-spec add(name()) -> ok.
add(Name) ->
    add(Name, 1).

-spec add(name(), non_neg_integer()) -> ok.
add(Name, N) ->
    {Ref, Index} = persistent_term:get(?MODULE),
    counters:add(Ref, maps:get(Name, Index), N).

-spec all() -> #{name() => non_neg_integer()}.
all() ->
    {Ref, Index} = persistent_term:get(?MODULE),
    maps:map(fun(_Name, I) -> counters:get(Ref, I) end, Index).
